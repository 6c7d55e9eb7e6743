// Where the access token comes from: pasted by the reader, or issued by the stand-in for Auth0
// that runs on a developer's machine. It is kept for this tab alone, and is never in an address.

export interface TokenSource {
  /** The token that was shown last. */
  readonly current: string;
  /** Whether a newer one can be had. */
  readonly isRenewable: boolean;
  /** Gives a token; a newer one where that can be had. */
  get(request: { readonly fresh: boolean }): Promise<string>;
}

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** A token that the reader has pasted. There is no other. */
export const pasted = (token: string): TokenSource => ({
  current: token,
  isRenewable: false,
  async get({ fresh }) {
    if (fresh) throw new Error("a pasted token cannot be renewed");
    return token;
  },
});

/** Tokens of the issuer on this machine. */
export function standIn(issuer: URL): TokenSource {
  let current = "";
  return {
    isRenewable: true,
    get current() {
      return current;
    },
    async get({ fresh }) {
      if (current && !fresh) return current;
      const response = await fetch(new URL("oauth/token", issuer), {
        method: "POST",
        body: new URLSearchParams({ grant_type: "client_credentials", client_id: "console" }),
      });
      current = (await response.json()).access_token;
      return current;
    },
  };
}

/** The issuer that the address names after `#issuer=`, if it is on this very machine. */
export function localIssuer({ hash }: Location): URL | undefined {
  const issuer = new URLSearchParams(hash.slice(1)).get("issuer");
  if (!issuer || !URL.canParse(issuer)) return undefined;
  const url = new URL(issuer);
  return LOOPBACK.includes(url.hostname) ? url : undefined;
}

/** Remembers the pasted token of a tenant for as long as the tab is open. */
export class TokenStore {
  readonly #key: string;

  constructor(tenant: string) {
    this.#key = `session-events token of ${tenant}`;
  }

  get(): string | undefined {
    return sessionStorage.getItem(this.#key) ?? undefined;
  }

  set(token: string): void {
    sessionStorage.setItem(this.#key, token);
  }

  forget(): void {
    sessionStorage.removeItem(this.#key);
  }
}
