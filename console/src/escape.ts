// Escapes characters that can mislead the reader of a text: controls, bidirectional controls that
// reverse the text around them, and characters without a visible form. Ids and error descriptions come
// from the network. The command line has the same rule in cli/src/output/escape.rs.

const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Returns the text with each hidden character, including line breaks, as `\u{202e}`. */
export const escapeHidden = (text: string): string =>
  text.replace(HIDDEN, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);

/** Returns JSON text with each hidden character in a string as `\u202e`. The value is the same. */
export const escapeJson = (json: string): string =>
  json.replace(HIDDEN, (character) =>
    // Between tokens, JSON allows line breaks. In a string it does not.
    character === "\n" ? character : character.split("").map(jsonEscape).join(""),
  );

const jsonEscape = (unit: string): string =>
  `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
