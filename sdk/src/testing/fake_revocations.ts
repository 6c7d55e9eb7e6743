import type { Revocations } from "../revocation/index.ts";
import { RevocationList } from "../revocation/list.ts";
import { TokenCheck, type TokenCheckOptions } from "../revocation/token_check.ts";
import { FakeSessionEvents, type FakeEvent } from "./fake_session_events.ts";

/** `whileDisconnected` is `"refuse"` by default. */
export interface FakeRevocationsOptions extends Omit<TokenCheckOptions, "whileDisconnected"> {
  readonly whileDisconnected?: TokenCheckOptions["whileDisconnected"] | undefined;
}

/**
 * Revocations without a server. `check` applies the same rule to the revocations of this fake as
 * `Revocations` does to those of the tenant.
 */
export class FakeRevocations implements Revocations {
  readonly connection = new FakeSessionEvents();
  readonly ready: Promise<void> = Promise.resolve();
  readonly #list = new RevocationList();
  readonly #tokenCheck: TokenCheck;

  constructor({ whileDisconnected = "refuse", sessionId }: FakeRevocationsOptions = {}) {
    this.#tokenCheck = new TokenCheck({ whileDisconnected, sessionId });
    this.connection.on("event", (event) => this.#list.add(event));
    this.connection.connect();
  }

  /** `false` after `connection.disconnect()` and `close()`, `true` otherwise. */
  get connected(): boolean {
    return this.connection.state === "connected";
  }

  /**
   * Revokes the tokens of a user that were issued until now, or those of one session if there is a
   * `session_id`. Other members of the event can be given, too. A `type` that revokes nothing on the
   * server revokes nothing here.
   */
  revoke(event: FakeEvent): void {
    this.connection.deliver(event);
  }

  check(claims: unknown): void {
    this.#tokenCheck.check(claims, this.#list, this.connected);
  }

  close(): void {
    this.connection.close();
  }
}
