// The links between the Markdown files of the repository.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const { stdout } = spawnSync("git", ["ls-files", "*.md"], { cwd: ROOT, encoding: "utf8" });
const files = stdout.split("\n").filter(Boolean);

/** Returns the text of a file without its code blocks. */
const textOf = (file) => readFileSync(join(ROOT, file), "utf8").replaceAll(/^ *```[^]*?```/gm, "");

/** Returns the anchors of a file's headings, as GitHub forms them. */
const anchorsOf = (file) =>
  [...textOf(file).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{Letter}\p{Number}_\- ]/gu, "")
      .replaceAll(" ", "-"),
  );

test("every link to a file or a heading has a target", () => {
  assert.ok(files.length > 15, stdout);
  const broken = files.flatMap((file) =>
    [...textOf(file).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link]) => link)
      .filter((link) => !/^\w+:/.test(link))
      .filter((link) => {
        const [path, anchor] = link.split("#");
        const target = path ? normalize(join(dirname(file), path)) : file;
        if (!existsSync(join(ROOT, target))) return true;
        return anchor && target.endsWith(".md") && !anchorsOf(target).includes(anchor);
      })
      .map((link) => `${file}: ${link}`),
  );
  assert.deepEqual(broken, []);
});
