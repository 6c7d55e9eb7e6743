// A publisher and a subscriber that survive crashes of the Worker as the protocol demands: the
// publisher repeats unacknowledged batches, and the subscriber resumes after its last event.
import assert from "node:assert/strict";

import { Subscriber } from "./subscriber.mjs";
import { eventOf, scp, slo } from "./records.mjs";

/** Publishes batches one after the other and, like Auth0, repeats each until it is acknowledged. */
export class RetryingPublisher {
  /** All batches so far. The last one may be stored although it was not acknowledged. */
  batches = [];
  /** Number of acknowledged batches. */
  acknowledged = 0;
  /** Number of batches for which a response is missing because the Worker was killed. */
  interrupted = 0;
  /** Number of events of the last batch that the responses have reported as new. */
  #reported = 0;
  #send;
  #random;
  #users;

  /** `send` publishes records and returns the counts, or nothing if the Worker was killed. */
  constructor(send, random, users) {
    this.#send = send;
    this.#random = random;
    this.#users = users;
  }

  /** Publishes up to `count` batches, and stops when the Worker is killed. */
  async publish(count) {
    for (let sent = 0; sent < count; sent += 1) {
      if (this.acknowledged === this.batches.length) this.#addBatch();
      if (!(await this.#deliver(this.batches.at(-1)))) return;
    }
  }

  #addBatch() {
    const { below, oneOf } = this.#random;
    const record = () => oneOf([slo, scp])({ user_id: oneOf(this.#users) });
    this.batches.push(Array.from({ length: 1 + below(4) }, record));
    this.#reported = 0;
  }

  /** Sends a batch, sometimes twice at the same time, and sometimes with an older record. */
  async #deliver(batch) {
    const { below, oneOf } = this.#random;
    const addOldRecord = this.acknowledged > 0 && below(4) === 0;
    const body = addOldRecord ? [oneOf(oneOf(this.batches.slice(0, -1))), ...batch] : batch;
    const times = below(4) === 0 ? 2 : 1;
    const sent = Array.from({ length: times }, () => this.#send(body));
    const responses = (await Promise.all(sent)).filter(Boolean);
    for (const { events, duplicates } of responses) {
      assert.equal(events + duplicates, body.length);
      assert.ok([0, batch.length].includes(events), "a batch is accepted as a whole");
      this.#reported += events;
    }
    assert.ok(this.#reported <= batch.length, "each record is accepted once");
    if (responses.length < times) this.interrupted += 1;
    if (responses.length > 0) this.acknowledged += 1;
    return responses.length > 0;
  }

  /**
   * Asserts that exactly the events of the acknowledged batches are stored, in order. The events
   * of a last, unacknowledged batch may be stored as well.
   */
  assertStored(stored) {
    const own = new Set(this.batches.flat().map(({ log_id }) => log_id));
    const possible = [this.acknowledged, this.batches.length].map((count) =>
      this.batches.slice(0, count).flat().map(eventOf),
    );
    const found = stored.filter(({ id }) => own.has(id));
    assert.deepEqual(found, possible.find(({ length }) => length === found.length) ?? possible[0]);
  }
}

/** Subscribes with one socket after the other, each resuming after the last received event. */
export class ReconnectingSubscriber {
  /** All events received on all sockets, in order. */
  received = [];
  #url;
  #token;
  #subscriber;

  /** `url` returns the current URL, which changes when the Worker restarts. */
  constructor(url, token) {
    this.#url = url;
    this.#token = token;
  }

  /** Opens a socket and requests the events after the last received one. */
  async resume() {
    const subscriber = await Subscriber.connect(this.#url());
    assert.deepEqual(await subscriber.next(), { type: "connected" });
    const lastEventId = this.received.at(-1)?.id ?? "none";
    const response = await subscriber.authenticate(this.#token, lastEventId);
    assert.equal(response.type, "authenticated", JSON.stringify(response));
    this.#subscriber = subscriber;
  }

  /** Receives all events that the Worker has sent so far. */
  async catchUp() {
    this.received.push(...(await this.#subscriber.drain()));
  }

  /** Drops the connection. */
  async disconnect() {
    this.#subscriber.socket.terminate();
    await this.closed();
  }

  /** Waits until the socket is closed, and receives the events that arrived before. */
  async closed() {
    await this.#subscriber.closed();
    this.received.push(...this.#subscriber.remaining());
  }
}
