/** In characters, for each message. */
const MAX_LENGTH = 500;
/** Deeper causes are left out. They are rare, and a chain of causes may be a cycle. */
const MAX_MESSAGES = 5;

/**
 * Returns the message of an error and those of its causes on one line. Members other than messages
 * and codes are left out, because they may contain secrets, such as the headers of a failed request.
 */
export function describeError(error: unknown): string {
  const messages: string[] = [];
  for (
    let cause = error;
    cause !== undefined && cause !== null && messages.length < MAX_MESSAGES;
    cause = (cause as { cause?: unknown }).cause
  )
    messages.push(messageOf(cause));
  return messages.join(" Cause: ");
}

function messageOf(error: unknown): string {
  // Node's error for several failed addresses has a code and no message.
  const { message, code, name } = Object(error) as Record<string, unknown>;
  const text = [message, code, name, error].find((value) => typeof value === "string" && value);
  const line = String(text ?? "unknown")
    .slice(0, MAX_LENGTH)
    .replace(/\p{Cc}+/gu, " ");
  return /[.!?]$/.test(line) ? line : `${line}.`;
}
