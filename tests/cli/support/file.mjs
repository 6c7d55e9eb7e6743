// Files for the command line to read.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

const folder = mkdtempSync(join(tmpdir(), "session-events-test-"));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

/** A file with this text, in a folder of its own. */
export function file(name, text) {
  const place = mkdtempSync(join(folder, `${(files += 1)}-`));
  writeFileSync(join(place, name), text);
  return { cwd: place, path: join(place, name) };
}
