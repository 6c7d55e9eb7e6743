/** A response body of /api/publish with these counts; all others are 0. */
export const counts = (given) => ({
  received: 0,
  events: 0,
  duplicates: 0,
  ignored: 0,
  malformed: 0,
  ...given,
});
