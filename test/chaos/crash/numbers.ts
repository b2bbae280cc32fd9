// Whole numbers from the environment.

/** Undefined where the variable is not set. */
export function whole(variable: string, { least }: { least: number }): number | undefined {
  const text = process.env[variable]
  if (text === undefined) return undefined
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least)
    throw new Error(`${variable} takes a whole number of at least ${least}, not '${text}'`)
  return value
}
