// Getting access tokens from the application.
import { SessionEventsError } from "./errors.ts";
import type { Settings, TokenRequest } from "./options.ts";

/** Calls `getToken`. Returns the token, or an error if there is none. Never throws. */
export async function requestToken(
  { getToken }: Settings,
  request: TokenRequest,
): Promise<string | SessionEventsError> {
  try {
    const token = await getToken(request);
    if (typeof token === "string" && token !== "") return token;
    return new SessionEventsError("token_unavailable", "getToken returned no access token.");
  } catch (cause) {
    return new SessionEventsError("token_unavailable", "getToken failed; see the cause.", {
      cause,
    });
  }
}

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
