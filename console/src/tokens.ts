// Where the access token comes from: pasted by the reader, or issued by the stand-in for Auth0
// that runs on a developer's machine. It is kept for this tab alone, and is never in an address.

export interface TokenSource {
  /** The token that was shown last. */
  readonly current: string;
  /** Whether a newer one can be had. */
  readonly isRenewable: boolean;
  /** What to do when there is none to be had. */
  readonly mend: string;
  /** Gives a token; a newer one where that can be had. */
  get(request: { readonly fresh: boolean }): Promise<string>;
}

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** A token that the reader has pasted. There is no other. */
export const pasted = (token: string): TokenSource => ({
  current: token,
  isRenewable: false,
  mend: "The token is about to expire: paste another to stay connected.",
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
    mend: `No token can be had at ${issuer.host}: is npm start still running?`,
    get current() {
      return current;
    },
    async get({ fresh }) {
      if (current && !fresh) return current;
      const response = await fetch(new URL("oauth/token", issuer), {
        method: "POST",
        body: new URLSearchParams({ grant_type: "client_credentials", client_id: "console" }),
      });
      const { access_token: token } = await response.json();
      if (typeof token !== "string") throw new Error(`no token: ${response.status}`);
      return (current = token);
    },
  };
}

/** What a token says, unverified and for the reader's eyes only; nothing where it is no JWT. */
export function claimsOf(token: string): unknown {
  try {
    const [, payload = ""] = token.split(".");
    const binary = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** The issuer that the address names after `#issuer=`, if it is on this very machine. */
export function localIssuer({ hash }: Location): URL | undefined {
  const issuer = new URLSearchParams(hash.slice(1)).get("issuer");
  if (!issuer || !URL.canParse(issuer)) return undefined;
  const url = new URL(issuer);
  return LOOPBACK.includes(url.hostname) ? url : undefined;
}

/**
 * Remembers for as long as the tab is open, and for one tenant, the token that was pasted or the
 * issuer on this machine that was signed in at.
 */
export class TokenStore {
  readonly #key: string;

  constructor(tenant: string) {
    this.#key = `session-events token of ${tenant}`;
  }

  get(): string | undefined {
    return sessionStorage.getItem(this.#key) ?? undefined;
  }

  set(tokenOrIssuer: string): void {
    sessionStorage.setItem(this.#key, tokenOrIssuer);
  }

  forget(): void {
    sessionStorage.removeItem(this.#key);
  }
}
