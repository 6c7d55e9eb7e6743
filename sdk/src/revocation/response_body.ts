// Reading the body of an HTTP response whose size is not trusted.

/** Returns the body as text. Throws a `RangeError` if it has more than `maxLength` characters. */
export async function readText({ body }: Response, maxLength: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > maxLength) throw new RangeError("the response is too large");
  }
  return text;
}
