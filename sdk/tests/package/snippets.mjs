// The JavaScript and TypeScript snippets of the documentation.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { ROOT } from "../../../scripts/toolchain.mjs";

const FENCE = /^( *)```(js|jsx|ts|tsx)\n([^]*?)^ *```$/gm;

/** Returns all snippets, as `{ file, line, language, text }`. */
export function readSnippets() {
  const files = execFileSync("git", ["ls-files", "*.md"], { cwd: ROOT, encoding: "utf8" });
  return files
    .trim()
    .split("\n")
    .flatMap((file) => {
      const markdown = readFileSync(join(ROOT, file), "utf8");
      return [...markdown.matchAll(FENCE)].map(({ index, 1: indent, 2: language, 3: text }) => ({
        file,
        line: markdown.slice(0, index).split("\n").length + 1,
        language,
        text: text.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
      }));
    });
}

/** Returns the only snippet with this text. */
export function findSnippet(text) {
  const found = readSnippets().filter((snippet) => snippet.text.includes(text));
  if (found.length !== 1) throw new Error(`${found.length} snippets contain ${text}`);
  return found[0];
}
