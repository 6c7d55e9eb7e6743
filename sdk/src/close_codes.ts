// What the code that a socket was closed with asks of a client.

/** `stay away`: the same would happen again. `fresh token`: come back, but not with this one. */
export type Verdict = "come back" | "fresh token" | "stay away";

const VERDICTS = new Map<number, Verdict>([
  [1009, "stay away"],
  [4400, "stay away"],
  [4403, "stay away"],
  [4401, "fresh token"],
  [4419, "fresh token"],
]);

/** Any code that is not listed is a failure of the network, of the server, or a restart. */
export const verdict = (code: number): Verdict => VERDICTS.get(code) ?? "come back";

/** Sentences for those that send a client away, which a server may close with unexplained. */
export const EXPLANATIONS: Readonly<Record<number, { code: string; message: string }>> = {
  1009: {
    code: "message_too_big",
    message: "The access token is too long for the server: have the API's tokens made smaller.",
  },
  4400: {
    code: "too_many_invalid_messages",
    message: "The server does not understand this client: update one of the two.",
  },
  4403: {
    code: "insufficient_scope",
    message:
      "The access token has neither of the permissions listen:events:self and listen:events.",
  },
};
