// The process of a crowd: calls what it is told to, and answers what came of it.
import { Crowd } from "./crowd.mjs";

const crowd = new Crowd(...process.argv.slice(2));

process.on("message", async ({ method, argument }) => {
  try {
    process.send({ value: await crowd[method](argument) });
  } catch (error) {
    process.send({ error: error.message });
  }
});
process.on("disconnect", () => process.exit());
