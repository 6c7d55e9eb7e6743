// How the client reacts to the close code of its socket.

/** `stop`: a reconnection would fail in the same way. */
export type CloseAction = "reconnect" | "reconnect with a fresh token" | "stop";

/** The code of `close()` (RFC 6455, section 7.4.1). */
export const NORMAL_CLOSURE = 1000;
/** The code with which the client stops because no user is signed in. No socket has this code. */
export const SIGNED_OUT = 0;
/** The server closed the socket because its token has expired. */
export const TOKEN_EXPIRED = 4419;

const ACTIONS = new Map<number, CloseAction>([
  [1009, "stop"],
  [4400, "stop"],
  [4403, "stop"],
  [4401, "reconnect with a fresh token"],
  [TOKEN_EXPIRED, "reconnect with a fresh token"],
]);

/** Unlisted codes mean a network failure, a server failure or a restart, so the client reconnects. */
export const closeAction = (code: number): CloseAction => ACTIONS.get(code) ?? "reconnect";

/**
 * Returns whether the server or the network may have closed many connections at once: by a restart, a
 * deployment or a failure. The server sends a code of its own, from 4000, to a single client.
 */
export const mayAffectAllClients = (code: number): boolean => code < 4000;

/** Errors for the codes that stop the client, if the server sends no error message before closing. */
export const CLOSE_ERRORS: Readonly<Record<number, { code: string; message: string }>> = {
  1009: {
    code: "message_too_big",
    message:
      "The access token is too long for the server: configure the API to issue smaller tokens.",
  },
  4400: {
    code: "too_many_invalid_messages",
    message: "The server rejected this client's messages: update the client or the server.",
  },
  4403: {
    code: "insufficient_scope",
    message:
      "The access token has neither of the permissions listen:events:self and listen:events: grant one of them.",
  },
};
