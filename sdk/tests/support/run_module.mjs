// Runs a module in a separate process, where it can import the client.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Runs the source of a module with these Node flags. Returns its standard output. */
export const runModule = (source, ...flags) => runModuleWith(process.execPath, source, ...flags);

/** Runs the source of a module with a Node binary and these flags. Returns its standard output. */
export async function runModuleWith(node, source, ...flags) {
  const args = [...flags, "--input-type=module", "--eval", source];
  const { stdout } = await promisify(execFile)(node, args, {
    cwd: import.meta.dirname,
    timeout: 30_000,
  });
  return stdout;
}
