// A module of its own process, which can import the client.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Runs the text of a module, with these flags of Node, and gives what it writes. */
export async function run(script, ...flags) {
  const args = [...flags, "--input-type=module", "--eval", script];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: import.meta.dirname,
    timeout: 30_000,
  });
  return stdout;
}
