// Which holders and endings a run is for, by parts of their names: --holder and --ending of main.mjs.

/** Those of `all` that have one of the names in the variable, or all where it is not set. @throws for one that none has */
export function chosen<One>(variable: string, all: readonly One[], nameOf: (one: One) => string): One[] {
  const names = JSON.parse(process.env[variable] ?? '[]') as string[]
  const unknown = names.find((name) => !all.some((one) => nameOf(one).includes(name)))
  if (unknown !== undefined)
    throw new Error(`${variable}: none is called '${unknown}'; there are ${all.map(nameOf).join(', ')}`)
  return all.filter((one) => names.length === 0 || names.some((name) => nameOf(one).includes(name)))
}
