// What can be read as names with values.

/** Whether it is an object, and none that is a list of entries: an array, a Map. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(Symbol.iterator in value)
}
