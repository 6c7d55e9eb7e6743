// Reading values that the application threw, which can be anything.

/** Libraries wrap an error once or twice. The limit also ends a cycle. */
const MAX_CAUSES = 5;

/** Returns a member of a thrown value. A member that cannot be read counts as absent. */
export function readMember(thrown: unknown, name: string): unknown {
  try {
    return (Object(thrown) as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}

/** Returns a thrown value and its causes, the outermost first. */
export function withCauses(thrown: unknown): unknown[] {
  const chain = [thrown];
  while (chain.length <= MAX_CAUSES) {
    const cause = readMember(chain.at(-1), "cause");
    if (!cause) break;
    chain.push(cause);
  }
  return chain;
}
