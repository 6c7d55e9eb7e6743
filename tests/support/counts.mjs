/** What publishing answers: the counts that are given, and 0 for the others. */
export const counts = (given) => ({
  received: 0,
  events: 0,
  duplicates: 0,
  ignored: 0,
  malformed: 0,
  ...given,
});
