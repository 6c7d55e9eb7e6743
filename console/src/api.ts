// Requests to the tenant's API with the current access token.

const REQUEST_TIMEOUT_MS = 10_000;

/** The body of a response with a status of 200, or a note for the user about the failure. */
export type ApiResult = { readonly body: any } | { readonly note: string };

/**
 * Sends a GET request. For notes, `subject` names the requested data, such as "subscribers", and
 * `retry` states how a failed request is repeated.
 */
export async function get(
  url: string,
  token: string,
  { subject, retry }: { readonly subject: string; readonly retry: string },
): Promise<ApiResult> {
  try {
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const body = await response.json();
    if (response.status === 403)
      return {
        note: `Only a token with listen:events and without listen:events:self can list ${subject}.`,
      };
    return response.ok ? { body } : { note: String(body.error_description) };
  } catch {
    return { note: `The list of ${subject} could not be loaded. ${retry}` };
  }
}
