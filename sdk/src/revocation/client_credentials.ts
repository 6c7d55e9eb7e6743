// The client-credentials grant (RFC 6749, section 4.4; Auth0, "Client Credentials Flow") with a
// cache, because each issued token counts towards the tenant's quota.
//
// The secret is sent only to the token endpoint, over TLS or to a loopback address. Redirects are
// not followed, and no error contains the secret.
import { parseJsonObject } from "../json.ts";
import type { TokenRequest } from "../options.ts";
import { isSecure, parseUrl } from "../secure_url.ts";
import { isRedirect, REDIRECT_EXPLANATION, request, type HttpResponse } from "./request.ts";

/**
 * The types allow `undefined`, so that variables of the environment can be passed. A missing one is
 * an error at runtime.
 */
export type ClientCredentialsOptions = {
  /** The client id of an application of type "Machine to Machine". */
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
  /** The identifier of the session-events API in Auth0. */
  readonly audience: string | undefined;
  /** The requested scopes, separated by spaces. Default: all that the application was granted. */
  readonly scope?: string | undefined;
} & (
  | {
      /** The tenant's domain, such as `acme.us.auth0.com`. */
      readonly domain: string | undefined;
      readonly issuer?: undefined;
    }
  | {
      /** The issuer's URL, such as `https://acme.us.auth0.com/`. */
      readonly issuer: string | URL | undefined;
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
  const { scope } = options;
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: requiredString(options, "clientId"),
    client_secret: requiredString(options, "clientSecret"),
    audience: requiredString(options, "audience"),
    ...(scope === undefined ? {} : { scope }),
  });

  let cached: { token: string; until: number } | undefined;
  let login: Login | undefined;

  async function logIn(): Promise<string> {
    cached = undefined;
    const { token, lifetime } = await requestGrant(endpoint, form);
    const margin = Math.min(EXPIRY_MARGIN, lifetime / 10);
    cached = { token, until: Date.now() + (lifetime - margin) * 1000 };
    return token;
  }

  function startLogin(): Login {
    const started: Login = {
      startedAt: Date.now(),
      token: logIn().finally(() => {
        if (login === started) login = undefined;
      }),
    };
    return started;
  }

  return async ({ fresh } = { fresh: false }) => {
    if (cached && !fresh && Date.now() < cached.until) return cached.token;
    // In a Cloudflare Worker, a login never completes if the request that started it was cancelled.
    if (!login || Date.now() - login.startedAt > TIMEOUT) login = startLogin();
    return login.token;
  };
}

/** A login in progress. */
interface Login {
  readonly token: Promise<string>;
  readonly startedAt: number;
}

function requiredString(
  options: ClientCredentialsOptions,
  name: "clientId" | "clientSecret" | "audience",
): string {
  const value = options[name];
  if (typeof value !== "string" || value === "") throw new TypeError(`${name} is missing`);
  return value;
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
  const { status, text } = await postForm(endpoint, body);
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

async function postForm(endpoint: URL, body: URLSearchParams): Promise<HttpResponse> {
  const init = {
    method: "POST",
    headers: { accept: "application/json" },
    body,
    signal: AbortSignal.timeout(TIMEOUT),
  };
  let response: HttpResponse;
  try {
    response = await request(endpoint, init, MAX_RESPONSE_LENGTH);
  } catch (cause) {
    throw new LoginError("unreachable", `${endpoint} cannot be reached or did not respond`, {
      cause,
    });
  }
  if (isRedirect(response.status))
    throw new LoginError("unreachable", `${endpoint} responded with ${REDIRECT_EXPLANATION}`);
  return response;
}

/** Returns an error code of the issuer. Ignores other text, which might contain the secret. */
const errorCode = (error: unknown): string | undefined =>
  typeof error === "string" && /^[a-z_]{1,40}$/.test(error) ? error : undefined;
