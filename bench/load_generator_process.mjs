// The process of a load generator: calls the methods that the parent process requests by message.
import { LoadGenerator } from "./load_generator.mjs";

const loadGenerator = new LoadGenerator(...process.argv.slice(2));

process.on("message", async ({ method, argument }) => {
  try {
    process.send({ value: await loadGenerator[method](argument) });
  } catch (error) {
    process.send({ error: error.message });
  }
});
process.on("disconnect", () => process.exit());
