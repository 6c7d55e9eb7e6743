// Random sessions of a tenant. Names and users are few, and ids are chosen about the edges of what
// is kept and remembered, so that steps meet.
import fc from "fast-check";

import * as operations from "./operations.mjs";
import { Step } from "./step.mjs";

const socket = fc.constantFrom("A", "B", "C", "D");
const user = fc.constantFrom("auth0|jane", "auth0|john", "auth0|ada");
const way = fc.constantFrom("header", "subprotocol");

/** Mostly one of the first. */
const mostly = (...usual) => ({
  or: (...rare) =>
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...usual) },
      { weight: 1, arbitrary: fc.constantFrom(...rare) },
    ),
});

const rights = mostly("self", "all", "both").or("none", "forged", "garbage");
const token = fc.record({ sub: user, rights, claim: fc.constantFrom("scope", "permissions") });
/** Which of the events that have been; where there is none, an id that never was. */
const place = fc.oneof(
  fc.record({ from: fc.constant("newest"), offset: fc.integer({ min: -5, max: 1 }) }),
  fc.record({
    from: fc.constantFrom("oldest kept", "oldest remembered"),
    offset: fc.integer({ min: -2, max: 2 }),
  }),
);
const placeOrNone = fc.option(place, { nil: undefined });

const record = fc.record({
  kind: mostly("slo", "slo without a session", "scp", "sapi").or(...operations.KINDS),
  user,
  again: fc.oneof(
    { weight: 4, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constant("twin") },
    { weight: 2, arbitrary: place },
  ),
});
const nonsense = fc.constantFrom(
  "nonsense",
  "",
  "{",
  "null",
  "[]",
  '{"type":"pong"}',
  '{"type":"authenticate"}',
  '{"type":"authenticate","access_token":7}',
  '[{"type":"ping"}]',
  Buffer.from('{"type":"ping"}'),
);
const pings = fc.constantFrom(
  '{"type":"ping"}',
  '{ "type": "ping" }',
  JSON.stringify({ type: "ping", padding: "x".repeat(16_384 - 29) }),
);
const tooMuch = fc.constantFrom("x".repeat(16_385), "€".repeat(5_462), Buffer.alloc(16_385));

/** An operation, from the arbitraries of what it takes. */
const operation = (name, parts = {}) => fc.record(parts).map(operations[name]);

const publish = operation("publish", {
  records: fc.array(record, { minLength: 1, maxLength: 5 }),
  form: fc.constantFrom("an array", "lines"),
});
const authenticate = (socket) => operation("authenticate", { socket, token, place: placeOrNone });
const sendNonsense = (socket) =>
  operation("sendNonsense", { socket, messages: fc.tuple(nonsense) });
const close = (socket) =>
  operation("close", { socket, code: fc.constantFrom(1000, 4000, undefined) });

/** What may happen at the same time as something else. */
const SIMULTANEOUS = [
  { weight: 8, arbitrary: publish },
  { weight: 4, arbitrary: operation("connect", { socket }) },
  {
    weight: 4,
    arbitrary: operation("connectWithToken", { socket, token, way, place: placeOrNone }),
  },
  { weight: 4, arbitrary: operation("comeBack", { socket, way }) },
  { weight: 10, arbitrary: authenticate(socket) },
  { weight: 2, arbitrary: sendNonsense(socket) },
  { weight: 2, arbitrary: operation("ping", { socket, message: pings }) },
  { weight: 1, arbitrary: operation("sendTooMuch", { socket, message: tooMuch }) },
  { weight: 2, arbitrary: close(socket) },
  { weight: 1, arbitrary: operation("readEvents") },
  { weight: 1, arbitrary: operation("readListeners") },
];
/** What may not; several messages are not taken in one go. */
const ALONE = [
  {
    weight: 2,
    arbitrary: operation("sendNonsense", {
      socket,
      messages: fc.array(nonsense, { minLength: 2, maxLength: 4 }),
    }),
  },
  { weight: 10, arbitrary: operation("evict") },
  { weight: 1, arbitrary: operation("loseConnection", { socket }) },
  { weight: 1, arbitrary: operation("publishMany", { count: fc.integer({ min: 1, max: 110 }) }) },
];

/** While a socket's token is being checked, there are events, or the socket does something else. */
const meeting = socket.chain((name) => {
  const same = fc.constant(name);
  const other = fc.oneof(
    { weight: 3, arbitrary: publish },
    { weight: 2, arbitrary: authenticate(same) },
    { weight: 1, arbitrary: sendNonsense(same) },
    { weight: 1, arbitrary: close(same) },
  );
  return fc.tuple(authenticate(same), other);
});
const several = fc.array(fc.oneof(...SIMULTANEOUS), { minLength: 1, maxLength: 3, size: "max" });

/** A step of a session; now and then several things happen at the same time. */
export const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.oneof(...SIMULTANEOUS, ...ALONE).map((operation) => new Step([operation])),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.oneof(meeting, several), fc.boolean())
      .map(([operations, oldKeys]) => new Step(operations, oldKeys)),
  },
);

/** How many events there had been before: none, about as many as are kept, or as are remembered. */
export const past = fc.oneof(
  { weight: 12, arbitrary: fc.constant(0) },
  { weight: 5, arbitrary: fc.constant(98) },
  { weight: 3, arbitrary: fc.constant(9_998) },
);
