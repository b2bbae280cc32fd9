// How the commands write sizes and ages.

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
