// Temporary files for the command line to read.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

const root = mkdtempSync(join(tmpdir(), "session-events-test-"));
after(() => rmSync(root, { recursive: true }));
let count = 0;

/** Creates a file in a directory of its own. Returns the directory as `cwd`, and the path. */
export function temporaryFile(name, text) {
  const cwd = mkdtempSync(join(root, `${(count += 1)}-`));
  const path = join(cwd, name);
  writeFileSync(path, text);
  return { cwd, path };
}
