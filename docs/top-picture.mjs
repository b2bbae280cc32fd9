// npm run docs:top: docs/top.svg, what `corral top` shows of a gateway with some sessions, taken from a terminal.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { openCorral } from 'corral'
import { openTerminal } from '../test/support/terminal.mjs'

const CLI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const PICTURE = fileURLToPath(new URL('top.svg', import.meta.url))
const [COLUMNS, ROWS] = [92, 9]
const [CHARACTER, LINE, PADDING] = [8.4, 19, 16] // of a font of 14 px
const DOWN = '\x1b[B'

const HOLDS = (mib) => `const held = Buffer.alloc(${mib} * 2 ** 20, 1); setInterval(() => held.length, 1000)`
const WORKS = `setInterval(() => { for (const end = Date.now() + 60; Date.now() < end;); }, 200)`

/** Of agents that stand for real ones: their names, what they hold, and what they started. */
async function startSessions(corral, directory) {
  const agent = async (key, parentKey, mode, name, script, children) => {
    writeFileSync(path.join(directory, name), `#!${process.execPath}\n${script}\n`, { mode: 0o755 })
    const session = await corral.spawn({
      key,
      parentKey,
      mode,
      command: name,
      env: { PATH: `${directory}:${process.env.PATH}` },
    })
    for (let i = 0; i < children; i++) await session.spawn('sleep', ['1000'])
  }
  await agent('agent:main:acp:8f3b', 'agent:main:main', 'persistent', 'claude-agent-acp', HOLDS(180), 4)
  await agent('agent:main:acp:9a1c', 'agent:main:main', 'oneshot', 'codex-acp', WORKS, 2)
  await agent('agent:main:acp:c07e', 'agent:main:acp:8f3b', 'oneshot', 'claude-agent-acp', HOLDS(90), 1)
  await agent('agent:review:acp:11d0', undefined, 'oneshot', 'gemini', HOLDS(40), 0)
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

function picture(terminal) {
  const lines = terminal.lines()
  const [width, height] = [COLUMNS * CHARACTER + 2 * PADDING, lines.length * LINE + 2 * PADDING]
  const row = (text, index) => {
    const { inverse, bold } = terminal.styleOf(index)
    const y = PADDING + index * LINE
    const length = (text.length * CHARACTER).toFixed(1)
    const style = `${inverse ? ' fill="#0d1117"' : ''}${bold ? ' font-weight="bold"' : ''}`
    return [
      inverse
        ? `<rect x="${PADDING}" y="${y}" width="${COLUMNS * CHARACTER}" height="${LINE}" fill="#e6edf3"/>`
        : '',
      text &&
        `<text x="${PADDING}" y="${y + 14}" textLength="${length}" xml:space="preserve"${style}>${escaped(text)}</text>`,
    ].join('')
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="corral top">`,
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    '<g fill="#e6edf3" font-family="ui-monospace, \'DejaVu Sans Mono\', monospace" font-size="14">',
    ...lines.map(row).filter(Boolean),
    '</g></svg>\n',
  ].join('\n')
}

const directory = path.join(tmpdir(), `corral-top-${process.pid}`)
mkdirSync(directory)
const corral = await openCorral()
try {
  await startSessions(corral, directory)
  const terminal = openTerminal(process.execPath, [CLI, 'top'], COLUMNS, ROWS)
  await terminal.shows(/^4 sessions of 1 instance · \d+ processes · .* % of a CPU/)
  terminal.type(`${DOWN}${DOWN}${DOWN}`)
  await terminal.shows(/codex-acp/)
  terminal.type('k')
  await terminal.shows(/^end agent:main:acp:/)
  writeFileSync(PICTURE, picture(terminal))
  terminal.type('q')
  await terminal.exited
} finally {
  await corral.close({ graceMs: 0 })
  rmSync(directory, { recursive: true })
}
