// Getting access tokens from the application.
import { describeError } from "./describe_error.ts";
import { SessionEventsError, SignedOutError } from "./errors.ts";
import type { Settings, TokenRequest } from "./options.ts";
import { signedOutReason } from "./signed_out.ts";

/** Calls `getToken`. Returns the token, or an error if there is none. Never throws. */
export async function requestToken(
  { getToken, debug }: Settings,
  request: TokenRequest,
): Promise<string | SessionEventsError> {
  debug?.(`getToken is called with ${JSON.stringify(request)}`);
  try {
    const token = await getToken(request);
    if (typeof token === "string" && token !== "") return token;
    return new SessionEventsError("token_unavailable", "getToken returned no access token.");
  } catch (cause) {
    return tokenUnavailable(cause);
  }
}

function tokenUnavailable(cause: unknown): SessionEventsError {
  const reason = signedOutReason(cause);
  if (reason !== undefined) return new SignedOutError(reason, describeError(cause), { cause });
  const message = `getToken failed: ${describeError(cause)}`;
  return new SessionEventsError("token_unavailable", message, { cause });
}

/** The error for a `getToken` that neither returns nor fails within the time limit. */
export const tokenTimedOut = ({ connectTimeout }: Settings): SessionEventsError =>
  new SessionEventsError(
    "token_unavailable",
    `getToken did not return within ${connectTimeout} ms (connectTimeout): check that its promise settles.`,
  );

/** The error for a `getToken` that returns a rejected or expiring token again. */
export const tokenUnchanged = (): SessionEventsError =>
  new SessionEventsError(
    "token_unchanged",
    "getToken returned the same access token although a fresh one was requested: bypass its cache when `fresh` is true.",
  );

/** The characters of a subprotocol name (RFC 9110, section 5.6.2). They include all of a JWT's. */
const SUBPROTOCOL_TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** Returns whether a token can be sent in the upgrade request, as a subprotocol. */
export const fitsSubprotocol = (token: string): boolean => SUBPROTOCOL_TOKEN.test(token);
