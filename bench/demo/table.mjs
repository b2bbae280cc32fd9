// The demo's words: the table of survivors and the line that judges it.
import { LEFTOVERS_PER_PROMPT } from './leftovers.mjs'

const WIDTHS = [25, 8, 14, 14, 15, 14]
const TITLES = ['ending', 'before', 'ordinary way', 'memory', 'through Corral', 'memory']

export function heading(agent, sessions, counts) {
  return `Sessions of ${agent.title}, ${sessions} an ending. Each prompt leaves ${LEFTOVERS_PER_PROMPT} processes.
Processes alive before the ending and after it, and their resident memory (sum of Pss from smaps_rollup).
Counted ${counts}.

${line(TITLES)}
${line(WIDTHS.map((width) => '-'.repeat(width - 1)))}`
}

export function row(ending, ordinary, contained) {
  return line([
    ending.name,
    ordinary.before === contained.before ? ordinary.before : `${ordinary.before}/${contained.before}`,
    ordinary.survivors,
    megabytes(ordinary.bytes),
    contained.survivors,
    megabytes(contained.bytes),
  ])
}

/** PASS needs both halves: no survivor under Corral in any row, and a leak without it in every row. */
export function closing(rows) {
  const kept = rows.reduce((sum, [, contained]) => sum + contained.survivors, 0)
  const tight = rows.filter(([ordinary]) => ordinary.survivors === 0).length
  if (kept > 0) return { passed: false, text: `\nFAIL: ${kept} processes outlived their session in Corral` }
  if (tight > 0) return { passed: false, text: `\nFAIL: the ordinary way left nothing in ${tight} endings` }
  const leaked = rows.reduce((sum, [ordinary]) => sum + ordinary.survivors, 0)
  return {
    passed: true,
    text: `\nPASS: ${leaked} processes outlived their sessions the ordinary way, none in Corral`,
  }
}

function line(cells) {
  const padded = cells.map((cell, index) =>
    index === 0 ? String(cell).padEnd(WIDTHS[index]) : String(cell).padStart(WIDTHS[index]),
  )
  return padded.join('').trimEnd()
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(0)} MB`
}
