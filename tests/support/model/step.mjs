// One step of a session, as a command of fast-check: an operation, or several at the same time.
//
// Operations that happen at the same time must come out as if they had been done one after the
// other, in one order or another (they are linearizable). So the model tells what each order
// leads to, and what really came must be one of these, to the last message: nothing is lost and
// nothing is doubled.
import assert from "node:assert/strict";
import { inspect, isDeepStrictEqual } from "node:util";

import { close } from "./operations.mjs";

export class Step {
  #operations;
  #oldKeys;

  /** With `oldKeys`, tokens take a while to be checked: the key set has to be fetched anew. */
  constructor(operations, oldKeys = false) {
    this.#operations = operations;
    this.#oldKeys = oldKeys;
  }

  check(model) {
    const opened = this.#operations.filter(({ opens }) => opens).map(({ socket }) => socket);
    const isClear = new Set(opened).size === opened.length;
    return isClear && this.#operations.every(({ possible }) => possible(model));
  }

  async run(model, clients) {
    for (const socket of clients.latecomers()) {
      const isLate = !model.sockets.get(socket).listener;
      if (isLate) await take(model, clients, [close({ socket, code: 1000 })]);
    }
    if (this.#oldKeys) await clients.ageKeys();
    await take(model, clients, this.#operations);
  }

  toString() {
    const texts = this.#operations.map(({ text }) => text).join(" WHILE ");
    return this.#oldKeys ? `${texts} (with old keys)` : texts;
  }
}

async function take(model, clients, operations) {
  const resolved = operations.map(({ resolve }) => resolve(model, clients.tenant));
  const isUncertain = resolved.length > 1;
  const outcomes = orders(resolved).map((order) => {
    const after = model.clone();
    const answers = new Map(order.map((operation) => [operation, operation.expect(after)]));
    // Which order it was may show in nothing that was sent; it shows in all that can be seen.
    const seen = isUncertain ? allOf(after) : { sockets: after.news() };
    return {
      after,
      expected: { answers: resolved.map((operation) => answers.get(operation)), ...seen },
    };
  });

  const answers = await Promise.all(resolved.map(({ perform }) => perform(clients)));
  const isTouched = (name) =>
    operations.some(({ socket, touchesAll }) => touchesAll || socket === name);
  const [expected, ...others] = outcomes.map(({ expected }) => expected.sockets);
  const isOpenQuestion = (name) =>
    others.some((other) => !isDeepStrictEqual(other.get(name), expected.get(name)));
  const sockets = await clients.news(expected, isOpenQuestion, isTouched);
  const came = { answers, sockets, ...(isUncertain && (await readBy(clients))) };
  const real = outcomes.find(({ expected }) => isDeepStrictEqual(came, expected));
  if (!real) complain(came, outcomes);
  model.become(real.after);
}

/** Compares all that can be seen, to the last message of each socket. */
export async function compareAll(model, clients) {
  const sockets = await clients.news(model.news(), () => true);
  assert.deepEqual({ sockets, ...(await readBy(clients)) }, allOf(model));
}

const allOf = (model) => ({
  sockets: model.news(),
  events: model.events(),
  listeners: model.listeners(),
});
const readBy = async (clients) => ({
  events: await clients.events(),
  listeners: await clients.listeners(),
});

function orders(operations) {
  if (operations.length < 2) return [operations];
  return operations.flatMap((first) =>
    orders(operations.filter((other) => other !== first)).map((rest) => [first, ...rest]),
  );
}

function complain(came, outcomes) {
  if (outcomes.length === 1) assert.deepEqual(came, outcomes[0].expected);
  const show = (value) => inspect(value, { depth: 6, maxArrayLength: 20 });
  const might = new Set(outcomes.map(({ expected }) => show(expected)));
  assert.fail(`No order leads to\n${show(came)}\nbut to\n${[...might].join("\nor\n")}`);
}
