import { readMember, withCauses } from "./thrown.ts";

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
 * Returns one line about a thrown value and its causes: their error codes and messages. Only these
 * members are used; others may contain secrets, such as the headers of a failed request. Repeated
 * texts are dropped. Tokens are replaced, because a library may have put one into its message.
 */
export function describeError(thrown: unknown): string {
  const texts: string[] = [];
  for (const text of withCauses(thrown).flatMap(textsOf))
    if (!texts.some((earlier) => earlier.includes(text))) texts.push(text);
  return texts.join(": ").slice(0, MAX_LENGTH) || "see the cause";
}

/** Returns the OAuth error code and the message of a thrown value. */
function textsOf(thrown: unknown): string[] {
  const read = (name: string) => readMember(thrown, name);
  // Node's error for several failed addresses has a code and no message.
  const texts = [read("error_description"), read("message"), thrown, read("code")];
  return [read("error"), texts.find(isText)].filter(isText).map(redact);
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
