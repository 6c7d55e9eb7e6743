/**
 * The public members of a class. TypeScript treats a class with private fields as nominal: only its
 * own instances have its type. This type has no private fields, so a fake in a test has it too, and
 * so has the class of the CommonJS build.
 */
export type PublicMembers<T> = Pick<T, keyof T>;
