// One step of a session, as a command of fast-check: one operation, or several concurrent ones.
//
// Concurrent operations must be linearizable: their results must equal the results of some
// sequential order. The model computes the results of each order. The real results must match one
// order exactly, including every message, so that no message is lost or duplicated.
import assert from "node:assert/strict";
import { inspect, isDeepStrictEqual } from "node:util";

import { close } from "./operations.mjs";

const RENEWAL_BURST = 3;

export class Step {
  #operations;
  #expiredKeys;

  /** With `expiredKeys`, a token check takes longer because it fetches the key set first. */
  constructor(operations, expiredKeys = false) {
    this.#operations = operations;
    this.#expiredKeys = expiredKeys;
  }

  check(model) {
    const opened = this.#operations.filter(({ opens }) => opens).map(({ socket }) => socket);
    const isUnambiguous = new Set(opened).size === opened.length;
    const isPossible = ({ possible }) => possible(model);
    return isUnambiguous && this.#operations.every(isPossible) && this.#isWithinRenewals(model);
  }

  /** Returns true if no socket sends more tokens than it may renew at once. */
  #isWithinRenewals(model) {
    const senders = this.#operations.filter(({ sendsToken }) => sendsToken);
    const sentBy = (name) => senders.filter(({ socket }) => socket === name).length;
    return senders.every(
      ({ socket }) => model.sockets.get(socket).sentTokens + sentBy(socket) <= RENEWAL_BURST,
    );
  }

  async run(model, clients) {
    for (const socket of clients.spentSockets()) {
      const isUnauthenticated = !model.sockets.get(socket).subscriber;
      if (isUnauthenticated) await perform(model, clients, [close({ socket, code: 1000 })]);
    }
    // The step may use a socket that is now closed.
    if (!this.check(model)) return;
    if (this.#expiredKeys) await clients.expireKeys();
    await perform(model, clients, this.#operations);
  }

  toString() {
    const texts = this.#operations.map(({ text }) => text).join(" WHILE ");
    return this.#expiredKeys ? `${texts} (with expired keys)` : texts;
  }
}

async function perform(model, clients, operations) {
  const resolved = operations.map(({ resolve }) => resolve(model, clients.tenant));
  const isConcurrent = resolved.length > 1;
  const outcomes = permutations(resolved).map((order) => {
    const state = model.clone();
    const results = new Map(order.map((operation) => [operation, operation.expect(state)]));
    // Several orders may lead to the same messages, so compare the whole observable state.
    const observed = isConcurrent ? observableState(state) : { sockets: state.updates() };
    return {
      state,
      expected: { results: resolved.map((operation) => results.get(operation)), ...observed },
    };
  });

  const results = await Promise.all(resolved.map(({ perform }) => perform(clients)));
  const isAffected = (name) =>
    operations.some(({ socket, affectsAll }) => affectsAll || socket === name);
  const [expected, ...others] = outcomes.map(({ expected }) => expected.sockets);
  const dependsOnOrder = (name) =>
    others.some((other) => !isDeepStrictEqual(other.get(name), expected.get(name)));
  const sockets = await clients.updates(expected, dependsOnOrder, isAffected);
  const actual = { results, sockets, ...(isConcurrent && (await readState(clients))) };
  const match = outcomes.find(({ expected }) => isDeepStrictEqual(actual, expected));
  if (!match) failWith(actual, outcomes);
  model.adopt(match.state);
}

/** Asserts that the observable state and every message of each socket equal those of the model. */
export async function compareAll(model, clients) {
  const sockets = await clients.updates(model.updates(), () => true);
  assert.deepEqual({ sockets, ...(await readState(clients)) }, observableState(model));
}

const observableState = (model) => ({
  sockets: model.updates(),
  events: model.events(),
  listeners: model.listeners(),
});
const readState = async (clients) => ({
  events: await clients.events(),
  listeners: await clients.listeners(),
});

function permutations(operations) {
  if (operations.length < 2) return [operations];
  return operations.flatMap((first) =>
    permutations(operations.filter((other) => other !== first)).map((rest) => [first, ...rest]),
  );
}

function failWith(actual, outcomes) {
  if (outcomes.length === 1) assert.deepEqual(actual, outcomes[0].expected);
  const show = (value) => inspect(value, { depth: 6, maxArrayLength: 20 });
  const possible = new Set(outcomes.map(({ expected }) => show(expected)));
  assert.fail(`No order leads to\n${show(actual)}\nbut to\n${[...possible].join("\nor\n")}`);
}
