// The Node versions that the tests of sockets run with.
import { delimiter } from "node:path";

/**
 * The paths of Node binaries: that of the test process, and those in the variable TEST_NODES, as in
 * `TEST_NODES=/opt/node20/bin/node:/opt/node22/bin/node`.
 */
export const NODES = [
  process.execPath,
  ...(process.env.TEST_NODES ?? "").split(delimiter).filter(Boolean),
];
