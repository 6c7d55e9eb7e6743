// A publisher and a listener that outlive the worker, and do after its death what the protocol
// tells them to: the one repeats what was not acknowledged, the other names the last event it got.
import assert from "node:assert/strict";

import { Listener } from "./listener.mjs";
import { eventOf, scp, slo } from "./records.mjs";

/** Publishes batches one after the other, each until it is acknowledged, as Auth0 does. */
export class LastingPublisher {
  /** All batches so far, of records; of the last it may not be known whether it was taken. */
  batches = [];
  /** How many of them were acknowledged. */
  acknowledged = 0;
  /** How often the worker died before it had answered. */
  cutOff = 0;
  /** The news in the last batch, as the worker has counted it so far. */
  #counted = 0;
  #send;
  #random;
  #users;

  /** `send` publishes records, and gives the receipt, or nothing where the worker has died. */
  constructor(send, random, users) {
    this.#send = send;
    this.#random = random;
    this.#users = users;
  }

  /** Publishes up to so many batches, as long as the worker lives. */
  async publish(count) {
    for (let sent = 0; sent < count; sent += 1) {
      if (this.acknowledged === this.batches.length) this.#compose();
      if (!(await this.#deliver(this.batches.at(-1)))) return;
    }
  }

  #compose() {
    const { below, oneOf } = this.#random;
    const record = () => oneOf([slo, scp])({ user_id: oneOf(this.#users) });
    this.batches.push(Array.from({ length: 1 + below(4) }, record));
    this.#counted = 0;
  }

  /** Some batches are delivered twice at once, some together with a record from long ago. */
  async #deliver(batch) {
    const { below, oneOf } = this.#random;
    const old = this.acknowledged > 0 && below(4) === 0;
    const body = old ? [oneOf(oneOf(this.batches.slice(0, -1))), ...batch] : batch;
    const times = below(4) === 0 ? 2 : 1;
    const sent = Array.from({ length: times }, () => this.#send(body));
    const receipts = (await Promise.all(sent)).filter(Boolean);
    for (const { events, duplicates } of receipts) {
      assert.equal(events + duplicates, body.length);
      assert.ok([0, batch.length].includes(events), "a batch is taken as a whole");
      this.#counted += events;
    }
    assert.ok(this.#counted <= batch.length, "a record is news once");
    if (receipts.length < times) this.cutOff += 1;
    if (receipts.length > 0) this.acknowledged += 1;
    return receipts.length > 0;
  }

  /**
   * Asserts that of its events just these are stored: those of the acknowledged batches and
   * perhaps of the one that was cut off, in their order.
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

/** Listens, one socket after the other, as if on one that never breaks. */
export class LastingListener {
  /** All events that it was sent, on all of its sockets, in their order. */
  heard = [];
  #url;
  #token;
  #listener;

  /** `url` gives where to subscribe, which changes. */
  constructor(url, token) {
    this.#url = url;
    this.#token = token;
  }

  /** Opens a socket that takes up where the one before it has ended. */
  async resume() {
    const listener = await Listener.connect(this.#url());
    assert.deepEqual(await listener.next(), { type: "connected" });
    const answer = await listener.authenticate(this.#token, this.heard.at(-1)?.id ?? "none");
    assert.equal(answer.type, "authenticated", JSON.stringify(answer));
    this.#listener = listener;
  }

  /** Hears all that the worker has sent by now. */
  async catchUp() {
    this.heard.push(...(await this.#listener.unread()));
  }

  /** Breaks the socket off. */
  async leave() {
    this.#listener.socket.terminate();
    await this.ended();
  }

  /** Hears what had still arrived on a socket whose other end is gone. */
  async ended() {
    await this.#listener.closed();
    this.heard.push(...this.#listener.remaining());
  }
}
