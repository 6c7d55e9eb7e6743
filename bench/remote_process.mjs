// The process of a `Remote`: calls the methods that the parent process requests by message.
import { Flood } from "./flood.mjs";
import { LoadGenerator } from "./load_generator.mjs";

const [className, ...args] = process.argv.slice(2);
const object = new { Flood, LoadGenerator }[className](...args);

process.on("message", async ({ method, argument }) => {
  try {
    process.send({ value: await object[method](argument) });
  } catch (error) {
    process.send({ error: error.message });
  }
});
process.on("disconnect", () => process.exit());
