// Which holders, endings and programs a run is for, by parts of their names: --holder, --ending and --program of test/chaos/escape/main.mjs.

/** Those of `all` that have one of the names in the variable, or all where it is not set. @throws for one that none has */
export function chosen<One extends { name: string }>(variable: string, all: readonly One[]): One[] {
  const parts = JSON.parse(process.env[variable] ?? '[]') as string[]
  const unknown = parts.find((part) => !all.some(({ name }) => name.includes(part)))
  if (unknown !== undefined)
    throw new Error(
      `${variable}: none is called '${unknown}'; there are ${all.map(({ name }) => name).join(', ')}`,
    )
  return all.filter(({ name }) => parts.length === 0 || parts.some((part) => name.includes(part)))
}
