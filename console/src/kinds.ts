// How each type of event looks. Colour is never all that tells them apart: there is a mark, and
// the name.

export interface Kind {
  /** What style sheets know it by. */
  readonly name: "logout" | "password_changed" | "user_blocked" | "other";
  readonly mark: string;
}

/** All that is not known here. */
const OTHER: Kind = { name: "other", mark: "▲" };

/** In the order in which they are listed and stacked. */
export const KINDS: readonly Kind[] = [
  { name: "logout", mark: "●" },
  { name: "password_changed", mark: "◆" },
  { name: "user_blocked", mark: "■" },
  OTHER,
];

export const kindOf = (type: string): Kind => KINDS.find(({ name }) => name === type) ?? OTHER;
