// How the commands print: tables, sizes, ages.

/** Rows under a heading, columns as wide as they need to be; the last column is not padded. */
export function table(heading: string[], rows: string[][]): string {
  const widths = heading.map((title, column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), title.length),
  )
  const line = (row: string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [heading, ...rows].map(line).join('\n')
}

export function bytes(value: number | undefined): string {
  if (value === undefined) return '-'
  const units = ['B', 'K', 'M', 'G', 'T']
  let amount = value
  let unit = 0
  for (; amount >= 1024 && unit < units.length - 1; unit++) amount /= 1024
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)}${units[unit]}`
}

export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 60) return `${seconds.toFixed(1)}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${Math.floor(seconds % 60)}s`
  return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m`
}

/** Text from elsewhere (a key, a command line) without what would upset a terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1)
    return escaped === character ? `\\u{${character.codePointAt(0)?.toString(16)}}` : escaped
  })
}

export function json(value: unknown): string {
  return JSON.stringify(value, null, 2)
}
