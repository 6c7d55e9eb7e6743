// Sign-in at the tenant's issuer: the authorization code grant with PKCE (RFC 6749, RFC 7636) of a
// public client. The page has no client secret and requests no refresh token. The URL contains the
// single-use code until `takeCallback` removes it, and never a token.

const REQUEST_TIMEOUT_MS = 10_000;
/** The maximum length of an issuer's error description. */
const MAX_DESCRIPTION = 300;
const SCOPE = "listen:events";

/** The member `sign_in` of `console/config.json`. */
export interface SignInSettings {
  readonly issuer: string;
  readonly client_id: string;
  readonly audience: string;
}

/** A failed sign-in. The message states the problem and its solution, for operators. */
export class SignInError extends Error {}

/** The authorization request whose response is awaited. */
interface PendingRequest {
  readonly state: string;
  readonly verifier: string;
}

interface Endpoints {
  readonly authorization: URL;
  readonly token: URL;
}

/**
 * Returns the parameters of an authorization response and removes them from the address and the
 * history. Returns undefined if the address contains no such response.
 */
export function takeCallback(): URLSearchParams | undefined {
  const { origin, pathname, search, hash } = location;
  const parameters = new URLSearchParams(search);
  if (!parameters.has("code") && !parameters.has("error")) return undefined;
  history.replaceState(null, "", `${origin}${pathname}${hash}`);
  return parameters;
}

/** Loads the settings. Returns undefined if the tenant has no client for the console. */
export async function loadSignInSettings(tenantUrl: string): Promise<SignInSettings | undefined> {
  try {
    const response = await fetch(`${tenantUrl}/console/config.json`, {
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const { sign_in } = await response.json();
    return sign_in;
  } catch {
    // A pasted token still works.
    return undefined;
  }
}

export class SignIn {
  readonly #settings: SignInSettings;
  readonly #redirectUri: string;
  readonly #storageKey: string;
  /** True if the next request makes the user log in again, to be able to choose another user. */
  #requiresLogin = false;

  constructor(settings: SignInSettings, tenant: string, tenantUrl: string) {
    this.#settings = settings;
    this.#redirectUri = `${tenantUrl}/console`;
    this.#storageKey = `session-events sign-in of ${tenant}`;
  }

  /** The host at which the user signs in. */
  get host(): string {
    return new URL(this.#settings.issuer).host;
  }

  /**
   * Makes the next sign-in request a login. Otherwise the issuer would reuse the session of the same
   * user.
   */
  requireLogin(): void {
    this.#requiresLogin = true;
  }

  /** Leaves the page for the issuer, which redirects back to it. */
  async start(): Promise<void> {
    const { authorization } = await this.#discover();
    const pending: PendingRequest = { state: randomText(), verifier: randomText() };
    const parameters = {
      response_type: "code",
      client_id: this.#settings.client_id,
      redirect_uri: this.#redirectUri,
      audience: this.#settings.audience,
      scope: SCOPE,
      state: pending.state,
      code_challenge: await codeChallenge(pending.verifier),
      code_challenge_method: "S256",
      ...(this.#requiresLogin ? { prompt: "login" } : {}),
    };
    for (const [name, value] of Object.entries(parameters))
      authorization.searchParams.set(name, value);
    sessionStorage.setItem(this.#storageKey, JSON.stringify(pending));
    location.assign(authorization);
  }

  /** Returns the access token for an authorization response to the request of this tab. */
  async finish(callback: URLSearchParams): Promise<string> {
    const pending = this.#takePending();
    // Nothing of a response to another request is used or shown: it may come from anybody.
    if (!pending || callback.get("state") !== pending.state)
      throw new SignInError(
        "The response does not belong to a sign-in of this tab, or was already used. Sign in again.",
      );
    const code = callback.get("code");
    if (!code) throw this.#refused(callback.get("error"), callback.get("error_description"));
    const { token } = await this.#discover();
    return this.#requestToken(token, code, pending.verifier);
  }

  #takePending(): PendingRequest | undefined {
    const stored = sessionStorage.getItem(this.#storageKey);
    sessionStorage.removeItem(this.#storageKey);
    return stored ? JSON.parse(stored) : undefined;
  }

  /**
   * Returns the endpoints of the issuer (OpenID Connect Discovery 1.0). They have to be at the
   * issuer's origin, the only one to which the page's policy allows requests.
   */
  async #discover(): Promise<Endpoints> {
    const { issuer } = this.#settings;
    const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const document = await this.#fetch(url, {}, `Check that ${url} is reachable.`);
    const mismatch = () =>
      new SignInError(
        `${url} does not describe the issuer ${issuer}. Correct issuers in the deployment's configuration, or paste an access token.`,
      );
    if (document["issuer"] !== issuer) throw mismatch();
    const endpoint = (name: string): URL => {
      const value: unknown = document[name];
      if (typeof value !== "string" || !URL.canParse(value)) throw mismatch();
      if (new URL(value).origin !== new URL(issuer).origin)
        throw new SignInError(
          `The ${name} of ${issuer} is at another origin, which this page may not use. Paste an access token instead.`,
        );
      return new URL(value);
    };
    return { authorization: endpoint("authorization_endpoint"), token: endpoint("token_endpoint") };
  }

  async #requestToken(endpoint: URL, code: string, verifier: string): Promise<string> {
    const { client_id } = this.#settings;
    const body = new URLSearchParams({
      grant_type: "authorization_code",
      client_id,
      code,
      code_verifier: verifier,
      redirect_uri: this.#redirectUri,
    });
    const solution = `Add ${location.origin} to the allowed web origins of the application ${client_id}.`;
    const response = await this.#fetch(endpoint, { method: "POST", body }, solution);
    const token: unknown = response["access_token"];
    if (typeof token === "string") return token;
    throw this.#refused(response["error"], response["error_description"]);
  }

  async #fetch(
    url: string | URL,
    init: RequestInit,
    solution: string,
  ): Promise<Record<string, unknown>> {
    try {
      const response = await fetch(url, {
        ...init,
        credentials: "omit",
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      return Object(await response.json());
    } catch {
      throw new SignInError(`${this.host} did not respond to this page. ${solution}`);
    }
  }

  /** Returns the error for an error response of the issuer (RFC 6749, 4.1.2.1 and 5.2). */
  #refused(error: unknown, description: unknown): SignInError {
    const reason = String(description || error || "no token was issued");
    const shown = reason.slice(0, MAX_DESCRIPTION).replace(/[.\s]+$/, "");
    return new SignInError(
      `${this.host} refused the sign-in: ${shown}. ${this.#solution(String(error))}`,
    );
  }

  #solution(error: string): string {
    const { audience, client_id } = this.#settings;
    switch (error) {
      case "access_denied":
        return `The user and the application ${client_id} need the permission ${SCOPE} of the API ${audience}. Grant it, or sign in as another user.`;
      case "invalid_grant":
      case "login_required":
      case "consent_required":
      case "interaction_required":
        return "Sign in again.";
      case "server_error":
      case "temporarily_unavailable":
        return "Try again later.";
      default:
        return `Check that the application ${client_id} is a single-page application with the callback URL ${this.#redirectUri}.`;
    }
  }
}

/** Returns 256 random bits: a `state`, or a `code_verifier` (RFC 7636, section 4.1). */
const randomText = (): string => base64Url(crypto.getRandomValues(new Uint8Array(32)));

async function codeChallenge(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return base64Url(new Uint8Array(digest));
}

const base64Url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
