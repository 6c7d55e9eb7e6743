// Reading the answer to an HTTP request, of which neither the size nor the shape is trusted.

/** The body's text; throws a `RangeError` when it is longer than `most` characters. */
export async function textOf({ body }: Response, most: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > most) throw new RangeError("the answer is too large");
  }
  return text;
}

/** The members of a JSON object; none of what is no JSON object. */
export function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === "object" && answer !== null ? { ...answer } : {};
  } catch {
    return {};
  }
}
