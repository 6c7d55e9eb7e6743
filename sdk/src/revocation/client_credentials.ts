// Logs a backend in by the client-credentials grant (RFC 6749, section 4.4; Auth0, "Client
// Credentials Flow") and keeps the access token until shortly before it ends, because each one
// that is issued counts towards the tenant's quota.
//
// The secret goes to the token endpoint alone: over TLS, or to this very machine; redirects are
// not followed; no error quotes it.
import type { TokenRequest } from "../client.ts";
import { isSecure, parseUrl } from "../secure_url.ts";
import { parseObject, textOf } from "./answer.ts";

export type ClientCredentialsOptions = {
  /** The application's client id, of type "Machine to Machine". */
  readonly clientId: string;
  readonly clientSecret: string;
  /** The identifier of the API that stands for session-events. */
  readonly audience: string;
  /** Scopes to ask for, separated by spaces. By default all that the application was granted. */
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

/** Why a login failed. */
export class LoginError extends Error {
  override readonly name = "LoginError";
  /** The issuer's code (RFC 6749, section 5.2), or `unreachable` or `invalid_answer`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const TIMEOUT = 10_000;
const MAX_ANSWER = 64 * 1024;
/** A token is used no longer than this before its end, in seconds, or for nine tenths of its life. */
const MARGIN = 60;
const DOMAIN = /^[a-z\d-]+(\.[a-z\d-]+)+$/i;

/**
 * A `getToken` that logs in by client id and secret. Calls at the same time share one login; one
 * for a `fresh` token never gets a kept one. Throws a `TypeError` on options that cannot be used;
 * what it gives rejects with a `LoginError`, after 10 seconds without an answer at the latest.
 */
export function clientCredentials(
  options: ClientCredentialsOptions,
): (request?: TokenRequest) => Promise<string> {
  const endpoint = endpointOf(options);
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

  let kept: { token: string; until: number } | undefined;
  let login: Promise<string> | undefined;

  async function logIn(): Promise<string> {
    kept = undefined;
    const { token, lifetime } = await request(endpoint, form);
    const margin = Math.min(MARGIN, lifetime / 10);
    kept = { token, until: Date.now() + (lifetime - margin) * 1000 };
    return token;
  }

  return async ({ fresh } = { fresh: false }) => {
    if (kept && !fresh && Date.now() < kept.until) return kept.token;
    login ??= logIn().finally(() => (login = undefined));
    return login;
  };
}

function endpointOf({ issuer = "", domain }: ClientCredentialsOptions): URL {
  const base = domain === undefined ? String(issuer) : DOMAIN.test(domain) && `https://${domain}/`;
  const url = parseUrl(base || "");
  if (!url)
    throw new TypeError("give the domain as acme.us.auth0.com, or the issuer as an https URL");
  if (!/^https?:$/.test(url.protocol) || !isSecure(url))
    throw new TypeError("the issuer must be an https URL, as the secret is sent there");
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return new URL("oauth/token", url);
}

async function request(endpoint: URL, body: URLSearchParams) {
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
    text = await textOf(response, MAX_ANSWER);
  } catch (cause) {
    throw new LoginError("unreachable", `${endpoint} cannot be reached or gave no answer`, {
      cause,
    });
  }
  const answer = parseObject(text);
  if (status !== 200) {
    const code = codeOf(answer["error"]) ?? "invalid_answer";
    const hint =
      code === "access_denied" || code === "unauthorized_client" || code === "invalid_client"
        ? ": check client id and secret, and that the application is authorized for the API"
        : "";
    throw new LoginError(code, `${endpoint} answered ${status} ${code}${hint}`);
  }
  const { access_token: token, expires_in: lifetime } = answer;
  if (typeof token !== "string" || typeof lifetime !== "number" || !(lifetime > 0))
    throw new LoginError("invalid_answer", `${endpoint} gave no access_token with an expires_in`);
  return { token, lifetime };
}

const codeOf = (error: unknown): string | undefined =>
  typeof error === "string" && /^[a-z_]{1,40}$/.test(error) ? error : undefined;
