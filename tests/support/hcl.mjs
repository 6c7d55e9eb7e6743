// Reads a Terraform file that consists of blocks, strings, numbers, lists of strings and references.
// Anything else is an error, so that a change of the file cannot be overlooked.
import assert from "node:assert/strict";

const TOKEN = /\s*(?:#[^\n]*\n|("(?:[^"\\]|\\.)*")|([A-Za-z_][\w.]*)|(\d+)|([{}[\]=,]))/y;

function tokensOf(text) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    assert.ok(match, `cannot read ${JSON.stringify(text.slice(start, start + 40))}`);
    const [, string, name, number, symbol] = match;
    if (string) tokens.push({ string: JSON.parse(string) });
    else if (name) tokens.push({ name });
    else if (number) tokens.push({ number: Number(number) });
    else if (symbol) tokens.push({ symbol });
  }
  return tokens;
}

/**
 * Returns the resources of the file by type and name, each with its attributes and its blocks. A block
 * is an array, because it may occur more than once. `variables` are the values of `var`.
 */
export function readResources(text, variables) {
  const tokens = tokensOf(text);
  const next = () => tokens.shift();
  const isNext = (symbol) => tokens[0]?.symbol === symbol;
  const expect = (symbol) => assert.deepEqual(next(), { symbol });
  const resources = {};

  const resolve = (path) => {
    const [first, ...rest] = path.split(".");
    const value = rest.reduce(
      (object, name) => object?.[name],
      first === "var" ? variables : resources[first],
    );
    assert.notEqual(value, undefined, `${path} is not defined before its use`);
    return value;
  };
  const readValue = () => {
    const { string, name, number, symbol } = next();
    if (number !== undefined) return number;
    if (name !== undefined) return resolve(name);
    if (string !== undefined) return string.replace(/\$\{([\w.]+)\}/g, (_, path) => resolve(path));
    assert.equal(symbol, "[");
    const values = [];
    while (!isNext("]")) {
      values.push(readValue());
      if (!isNext("]")) expect(",");
    }
    expect("]");
    return values;
  };
  const readBody = () => {
    const body = {};
    expect("{");
    while (!isNext("}")) {
      const { name } = next();
      if (isNext("=")) {
        next();
        body[name] = readValue();
      } else {
        (body[name] ??= []).push(readBody());
      }
    }
    expect("}");
    return body;
  };
  const skipBody = () => {
    let depth = 0;
    do {
      const { symbol } = next();
      depth += { "{": 1, "}": -1 }[symbol] ?? 0;
    } while (depth > 0);
  };

  while (tokens.length > 0) {
    const { name: kind } = next();
    const labels = [];
    while (tokens[0].string !== undefined) labels.push(next().string);
    if (kind === "resource") {
      const [type, name] = labels;
      (resources[type] ??= {})[name] = readBody();
    } else {
      assert.ok(["terraform", "provider", "variable"].includes(kind), kind);
      skipBody();
    }
  }
  return resources;
}
