/** In characters. */
const MAX_LENGTH = 500;
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;
/** A JSON Web Token, whole or cut. Its header begins with `{"`, which is `eyJ` in base64url. */
const JSON_WEB_TOKEN = /eyJ[\w-]{8,}(\.[\w-]*){0,4}/g;

/** Returns a text as one line of bounded length, with tokens replaced. */
export const redact = (text: string): string =>
  text
    .slice(0, 100 * MAX_LENGTH)
    .replace(JSON_WEB_TOKEN, "[token]")
    .replace(CONTROL_CHARACTERS, " ")
    .slice(0, MAX_LENGTH);

/**
 * Returns one line about a thrown value: its error code and its message, as far as it has them, and
 * those of its cause. Tokens are replaced, because a library may have put one into its message.
 */
export function describeError(thrown: unknown): string {
  const { error, error_description, message, cause } = Object(thrown) as Record<string, unknown>;
  const isText = (value: unknown) => typeof value === "string" && value !== "";
  const text = [error_description, message, thrown].find(isText);
  const { message: causeMessage } = Object(cause) as Record<string, unknown>;
  return redact([...new Set([error, text, causeMessage].filter(isText))].join(": "));
}
