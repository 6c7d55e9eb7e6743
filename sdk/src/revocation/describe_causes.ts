import { redact } from "../describe_error.ts";

/** Deeper causes are left out. They are rare, and a chain of causes may be a cycle. */
const MAX_DEPTH = 5;

/**
 * Returns the message of an error and those of its causes on one line. A message that repeats its
 * cause is followed by the cause of that cause. Members other than messages and codes are left out,
 * because they may contain secrets, such as the headers of a failed request.
 */
export function describeCauses(error: unknown): string {
  const messages: string[] = [];
  let cause = error;
  for (let depth = 0; depth < MAX_DEPTH && cause !== undefined && cause !== null; depth += 1) {
    const message = messageOf(cause);
    if (!messages.at(-1)?.includes(message)) messages.push(message);
    cause = (cause as { cause?: unknown }).cause;
  }
  return messages.map(toSentence).join(" Cause: ");
}

function messageOf(error: unknown): string {
  // Node's error for several failed addresses has a code and no message.
  const { message, error: oauthCode, code, name } = Object(error) as Record<string, unknown>;
  const text = [message, oauthCode, code, name, error].find(
    (value) => typeof value === "string" && value,
  );
  return redact(String(text ?? "unknown"));
}

const toSentence = (message: string) => (/[.!?]$/.test(message) ? message : `${message}.`);
