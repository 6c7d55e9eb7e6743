// Sources of access tokens: one that the user pasted or that a sign-in returned, or the stand-in for
// Auth0 on a developer's machine. The token is stored for the current tab only and never appears in
// a URL.

export interface TokenSource {
  /** The token that was returned last. */
  readonly current: string;
  /** Whether the source can issue a fresh token. */
  readonly isRenewable: boolean;
  /** The solution if a renewable source issues no token. */
  readonly unavailableMessage?: string;
  /** Returns a token. Rejects if `fresh` is set and the source cannot issue a fresh one. */
  get(request: { readonly fresh: boolean }): Promise<string>;
}

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** A token that the user pasted or signed in for. It cannot be refreshed. */
export const fixedToken = (token: string): TokenSource => ({
  current: token,
  isRenewable: false,
  async get({ fresh }) {
    if (fresh) throw new Error("this token cannot be refreshed");
    return token;
  },
});

/** Requests tokens from the stand-in issuer on this machine. */
export function standInTokens(issuer: URL): TokenSource {
  let current = "";
  return {
    isRenewable: true,
    unavailableMessage: `${issuer.host} issued no token. Check that npm start is still running.`,
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
      current = token;
      return token;
    },
  };
}

/** Decodes a token's claims for display, without verification. Returns undefined for a non-JWT. */
export function decodeClaims(token: string): unknown {
  try {
    const [, payload = ""] = token.split(".");
    const binary = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** Returns the issuer in the URL's `#issuer=` fragment if its host is a loopback host. */
export function readLocalIssuer({ hash }: Location): URL | undefined {
  const issuer = new URLSearchParams(hash.slice(1)).get("issuer");
  if (!issuer || !URL.canParse(issuer)) return undefined;
  const url = new URL(issuer);
  return LOOPBACK.includes(url.hostname) ? url : undefined;
}

/** Stores a tenant's token, or the URL of its stand-in issuer, until the tab is closed. */
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

  clear(): void {
    sessionStorage.removeItem(this.#key);
  }
}
