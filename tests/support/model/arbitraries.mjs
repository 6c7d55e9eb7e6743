// Generators of random sessions of a tenant. There are few names and users, and ids are chosen near
// the limits of the replayable events and of the remembered log ids, so that steps interact.
import fc from "fast-check";

import * as operations from "./operations.mjs";
import { Step } from "./step.mjs";

const socket = fc.constantFrom("A", "B", "C", "D");
const user = fc.constantFrom("auth0|jane", "auth0|john", "auth0|ada");
const transport = fc.constantFrom("header", "subprotocol");

/** Generates usual values six times as often as rare ones. */
const mostly = (...usual) => ({
  or: (...rare) =>
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...usual) },
      { weight: 1, arbitrary: fc.constantFrom(...rare) },
    ),
});

const scopes = mostly("self", "all", "both").or("none", "forged", "garbage");
const token = fc.record({ sub: user, scopes, claim: fc.constantFrom("scope", "permissions") });
/** A position in the history of events. A position outside of it stands for an unknown id. */
const position = fc.oneof(
  fc.record({ from: fc.constant("latest"), offset: fc.integer({ min: -5, max: 1 }) }),
  fc.record({
    from: fc.constantFrom("oldest replayable", "oldest remembered"),
    offset: fc.integer({ min: -2, max: 2 }),
  }),
);
const optionalPosition = fc.option(position, { nil: undefined });

const record = fc.record({
  kind: mostly("slo", "slo without a session", "scp", "sapi").or(...operations.KINDS),
  user,
  reuse: fc.oneof(
    { weight: 4, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constant("previous") },
    { weight: 2, arbitrary: position },
  ),
});
const invalidMessage = fc.constantFrom(
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
const tooLargeMessage = fc.constantFrom(
  "x".repeat(16_385),
  "€".repeat(5_462),
  Buffer.alloc(16_385),
);

/** Generates an operation from generators of its parameters. */
const operation = (name, parts = {}) => fc.record(parts).map(operations[name]);

const publish = operation("publish", {
  records: fc.array(record, { minLength: 1, maxLength: 5 }),
  form: fc.constantFrom("an array", "lines"),
});
const authenticate = (socket) =>
  operation("authenticate", { socket, token, position: optionalPosition });
const sendInvalidMessages = (socket) =>
  operation("sendInvalidMessages", { socket, messages: fc.tuple(invalidMessage) });
const close = (socket) =>
  operation("close", { socket, code: fc.constantFrom(1000, 4000, undefined) });

/** Operations that may run concurrently with others. */
const CONCURRENT = [
  { weight: 8, arbitrary: publish },
  { weight: 4, arbitrary: operation("connect", { socket }) },
  {
    weight: 4,
    arbitrary: operation("connectWithToken", {
      socket,
      token,
      transport,
      position: optionalPosition,
    }),
  },
  { weight: 4, arbitrary: operation("reconnect", { socket, transport }) },
  { weight: 10, arbitrary: authenticate(socket) },
  { weight: 2, arbitrary: sendInvalidMessages(socket) },
  { weight: 2, arbitrary: operation("ping", { socket, message: pings }) },
  { weight: 1, arbitrary: operation("sendTooLargeMessage", { socket, message: tooLargeMessage }) },
  { weight: 2, arbitrary: close(socket) },
  { weight: 1, arbitrary: operation("readEvents") },
  { weight: 1, arbitrary: operation("readListeners") },
];
/** Operations that run alone. Several messages of one socket are not processed atomically. */
const EXCLUSIVE = [
  {
    weight: 2,
    arbitrary: operation("sendInvalidMessages", {
      socket,
      messages: fc.array(invalidMessage, { minLength: 2, maxLength: 4 }),
    }),
  },
  { weight: 10, arbitrary: operation("evict") },
  { weight: 1, arbitrary: operation("disconnect", { socket }) },
  { weight: 1, arbitrary: operation("publishMany", { count: fc.integer({ min: 1, max: 110 }) }) },
];

/** A token check with a concurrent publication or a concurrent operation on the same socket. */
const duringTokenCheck = socket.chain((name) => {
  const same = fc.constant(name);
  const other = fc.oneof(
    { weight: 3, arbitrary: publish },
    { weight: 2, arbitrary: authenticate(same) },
    { weight: 1, arbitrary: sendInvalidMessages(same) },
    { weight: 1, arbitrary: close(same) },
  );
  return fc.tuple(authenticate(same), other);
});
const several = fc.array(fc.oneof(...CONCURRENT), { minLength: 1, maxLength: 3, size: "max" });

/** A step of a session; every fifth has concurrent operations. */
export const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.oneof(...CONCURRENT, ...EXCLUSIVE).map((operation) => new Step([operation])),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.oneof(duringTokenCheck, several), fc.boolean())
      .map(([operations, expiredKeys]) => new Step(operations, expiredKeys)),
  },
);

/** Number of earlier events: none, or nearly as many as are stored, or as are remembered. */
export const earlierEvents = fc.oneof(
  { weight: 12, arbitrary: fc.constant(0) },
  { weight: 5, arbitrary: fc.constant(98) },
  { weight: 3, arbitrary: fc.constant(9_998) },
);
