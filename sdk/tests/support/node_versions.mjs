// The Node versions that the tests of sockets run with.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The check `package` installs these. */
const OTHER_NODES = ["node-20", "node-22"].map((name) =>
  fileURLToPath(new URL(`../package/node_modules/${name}/bin/node`, import.meta.url)),
);

/** The paths of Node binaries: that of the test process, and those of other versions. */
export const NODES = [process.execPath, ...OTHER_NODES.filter((path) => existsSync(path))];
