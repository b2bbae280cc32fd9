// A plain table for the terminal: the first column to the left, numbers to the right.

/** `rows` are arrays of strings or numbers, one entry per column of `header`. */
export function formatTable(header, rows) {
  const cells = [header, ...rows].map((row) => row.map(formatCell))
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column].length)))
  const lines = cells.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  )
  lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '))
  return lines.join('\n')
}

/** Three significant digits, never in exponent notation. */
export function formatNumber(value) {
  if (Number.isInteger(value)) return String(value)
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return value.toFixed(Math.min(decimals, 4))
}

function formatCell(cell) {
  return typeof cell === 'number' ? formatNumber(cell) : cell
}
