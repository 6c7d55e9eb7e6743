// HTTP requests that contain a secret, to a server that is not trusted with the size of its response.
//
// Redirects are never followed, because the secret is for the configured server. The mode `error`
// of `fetch` would say so directly, but Cloudflare Workers refuse it.

export interface HttpResponse {
  readonly status: number;
  readonly text: string;
}

/**
 * Sends a request and returns the status and the body. Throws a `RangeError` if the body has more
 * than `maxLength` characters.
 */
export async function request(
  url: URL,
  init: RequestInit,
  maxLength: number,
): Promise<HttpResponse> {
  const response = await fetch(url, { ...init, redirect: "manual" });
  return { status: statusOf(response), text: await readText(response, maxLength) };
}

/** Returns whether a status means that the resource is at another address. */
export const isRedirect = (status: number): boolean => status >= 300 && status < 400;

/** The explanation of a redirect for the developer. Follows "responded with". */
export const REDIRECT_EXPLANATION =
  "a redirect, which is not followed because the request contains a secret: configure the URL that it leads to";

/** Returns the status. A browser reports redirects as a response with the status 0. */
const statusOf = ({ type, status }: Response): number => (type === "opaqueredirect" ? 302 : status);

async function readText({ body }: Response, maxLength: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > maxLength) throw new RangeError("the response is too large");
  }
  return text;
}
