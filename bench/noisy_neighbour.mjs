// The time until an event is delivered and acknowledged, while others send as many messages as the
// Worker lets them.
import { toRow } from "./compare.mjs";
import { logoutBatch, userId } from "./records.mjs";

const WARM_UP = 100;
/** Publications in each quiet and in each noisy part of a round. */
const PUBLICATIONS = 10;
/** The duration of a flood, which limits the measured time. */
const FLOOD_MS = 15_000;
/** The first of the noisy users. Each flood has another one, because a user may open 200 sockets a minute. */
const NOISY_USER = 0xabcdef;
/** A renewal with the token that the socket has is not verified again, so each uses another one. */
const TOKENS = 20;

/**
 * The floods. The Worker allows a user 100 sockets, 100 messages a second, 10 of them on each socket,
 * and 200 new sockets a minute, and a stranger's address 3,000 new sockets a minute.
 */
const FLOODS = [
  {
    title: "a user sends as much as the limits allow, on 90 sockets",
    tokens: TOKENS,
    options: { sockets: 90, messagesPerSecond: 1.1, renewEvery: 100, socketsPerSecond: 3 },
  },
  {
    title: "a user sends 8,100 renewals and pings a second, on 90 sockets",
    tokens: TOKENS,
    options: { sockets: 90, messagesPerSecond: 90, renewEvery: 2, socketsPerSecond: 3 },
  },
  {
    title: "a stranger sends 18,000 pings a second, on 200 sockets",
    tokens: 0,
    options: { sockets: 200, messagesPerSecond: 90, socketsPerSecond: 50 },
  },
];

/**
 * Returns one row for each flood, whose columns of the floor have the times of the same Worker without
 * the flood. Both are measured in turn, so that other activity on the machine affects both.
 */
export async function noisyNeighbour({ startOurs, subscribers, scaled, rounds, progress }) {
  const side = await startOurs();
  await side.connect([...subscribers.allEvents(1), ...subscribers.ownEvents(1)]);
  const publish = async () => {
    const { last, response } = await side.publish(logoutBatch(1));
    return Math.max(last, response);
  };
  await sample(WARM_UP, publish);
  const rows = [];
  let noisyUser = NOISY_USER;
  for (const { title, tokens, options } of FLOODS) {
    const newFlood = () => ({
      ...options,
      sockets: Math.min(options.sockets, scaled(options.sockets)),
      duration: FLOOD_MS,
      tokens: subscribers.tokens(userId((noisyUser += 1)), "self", tokens),
    });
    const quiet = [];
    const noisy = [];
    for (let round = 0; round < rounds; round += 1) {
      progress(`${title}: ${round} of ${rounds}`);
      await side.settle();
      quiet.push(...(await sample(PUBLICATIONS, publish)));
      await side.startFlood(newFlood());
      const end = performance.now() + FLOOD_MS;
      noisy.push(...(await sample(PUBLICATIONS, publish, end)));
      await side.stopFlood();
      // The Worker first handles the messages that it has already received.
      await publish();
    }
    rows.push(toRow({ ours: { samples: noisy }, floor: { samples: quiet } }, { title }));
  }
  return rows;
}

/** Measures `count` times, or fewer if the time `end` has passed. */
async function sample(count, operation, end = Infinity) {
  const samples = [];
  do samples.push(await operation());
  while (samples.length < count && performance.now() < end);
  return samples;
}
