// The client-credentials grant (RFC 6749, section 4.4; Auth0, "Client Credentials Flow") with a
// cache, because each issued token counts towards the tenant's quota.
//
// The secret is sent only to the token endpoint, over TLS or to a loopback address. Redirects are
// not followed, and no error contains the secret.
import { parseJsonObject } from "../json.ts";
import type { TokenRequest } from "../options.ts";
import { isSecure, parseUrl } from "../secure_url.ts";
import { readText } from "./response_body.ts";

export type ClientCredentialsOptions = {
  /** The client id of an application of type "Machine to Machine". */
  readonly clientId: string;
  readonly clientSecret: string;
  /** The identifier of the session-events API in Auth0. */
  readonly audience: string;
  /** The requested scopes, separated by spaces. Default: all that the application was granted. */
  readonly scope?: string;
} & (
  | {
      /** The tenant's domain, such as `acme.us.auth0.com`. */
      readonly domain: string;
      readonly issuer?: undefined;
    }
  | {
      /** The issuer's URL, such as `https://acme.us.auth0.com/`. */
      readonly issuer: string | URL;
      readonly domain?: undefined;
    }
);

/** The error of a failed login. */
export class LoginError extends Error {
  override readonly name = "LoginError";
  /** The issuer's error code (RFC 6749, section 5.2), or `unreachable` or `invalid_answer`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** In milliseconds. */
const TIMEOUT = 10_000;
/** In characters. */
const MAX_RESPONSE_LENGTH = 64 * 1024;
/**
 * A token leaves the cache this many seconds before it expires, or after nine tenths of its
 * lifetime, whichever is later.
 */
const EXPIRY_MARGIN = 60;
const DOMAIN = /^[a-z\d-]+(\.[a-z\d-]+)+$/i;

/**
 * Creates a `getToken` that logs in with client id and secret. Concurrent calls share one login. A
 * call for a `fresh` token never returns a cached one. Throws a `TypeError` on invalid options. The
 * returned function rejects with a `LoginError`, at the latest after 10 seconds without a response.
 */
export function clientCredentials(
  options: ClientCredentialsOptions,
): (request?: TokenRequest) => Promise<string> {
  const endpoint = tokenEndpoint(options);
  const { clientId, clientSecret, audience, scope } = options;
  for (const [name, value] of Object.entries({ clientId, clientSecret, audience }))
    if (typeof value !== "string" || value === "") throw new TypeError(`${name} is missing`);
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: clientId,
    client_secret: clientSecret,
    audience,
    ...(scope === undefined ? {} : { scope }),
  });

  let cached: { token: string; until: number } | undefined;
  let login: Promise<string> | undefined;

  async function logIn(): Promise<string> {
    cached = undefined;
    const { token, lifetime } = await requestGrant(endpoint, form);
    const margin = Math.min(EXPIRY_MARGIN, lifetime / 10);
    cached = { token, until: Date.now() + (lifetime - margin) * 1000 };
    return token;
  }

  return async ({ fresh } = { fresh: false }) => {
    if (cached && !fresh && Date.now() < cached.until) return cached.token;
    login ??= logIn().finally(() => (login = undefined));
    return login;
  };
}

function tokenEndpoint({ issuer = "", domain }: ClientCredentialsOptions): URL {
  const base = domain === undefined ? String(issuer) : DOMAIN.test(domain) && `https://${domain}/`;
  const url = parseUrl(base || "");
  if (!url)
    throw new TypeError("pass the domain as acme.us.auth0.com, or the issuer as an https URL");
  if (!/^https?:$/.test(url.protocol) || !isSecure(url))
    throw new TypeError("the issuer must be an https URL, because the secret is sent to it");
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return new URL("oauth/token", url);
}

async function requestGrant(endpoint: URL, body: URLSearchParams) {
  let status: number;
  let text: string;
  try {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { accept: "application/json" },
      body,
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT),
    });
    status = response.status;
    text = await readText(response, MAX_RESPONSE_LENGTH);
  } catch (cause) {
    throw new LoginError("unreachable", `${endpoint} cannot be reached or did not respond`, {
      cause,
    });
  }
  const response = parseJsonObject(text) ?? {};
  if (status !== 200) {
    const code = errorCode(response["error"]) ?? "invalid_answer";
    const hint =
      code === "access_denied" || code === "unauthorized_client" || code === "invalid_client"
        ? ": check client id and secret, and that the application is authorized for the API"
        : "";
    throw new LoginError(code, `${endpoint} responded with ${status} ${code}${hint}`);
  }
  const { access_token: token, expires_in: lifetime } = response;
  if (typeof token !== "string" || typeof lifetime !== "number" || !(lifetime > 0))
    throw new LoginError(
      "invalid_answer",
      `${endpoint} returned no access_token with an expires_in`,
    );
  return { token, lifetime };
}

/** Returns an error code of the issuer. Ignores other text, which might contain the secret. */
const errorCode = (error: unknown): string | undefined =>
  typeof error === "string" && /^[a-z_]{1,40}$/.test(error) ? error : undefined;
