// npm run docs:pictures: docs/*.svg, what `corral ls`, `top` and `doctor` show of a gateway with some sessions, taken from terminals.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { openCorral } from 'corral'
import { openTerminal } from '../test/support/terminal.mjs'

const CLI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const fileOf = (name) => fileURLToPath(new URL(`${name}.svg`, import.meta.url))
const [CHARACTER, LINE, PADDING] = [8.4, 19, 16] // of a font of 14 px
const DOWN = '\x1b[B'
const [TEXT, BACKGROUND] = ['#e6edf3', '#0d1117']
const COLOURS = { 1: '#ff7b72', 2: '#3fb950', 3: '#d29922' }

const HOLDS = (mib) => `const held = Buffer.alloc(${mib} * 2 ** 20, 1); setInterval(() => held.length, 1000)`
const WORKS = `setInterval(() => { for (const end = Date.now() + 60; Date.now() < end;); }, 200)`

/** Of agents that stand for real ones: their names, what they hold, and what they started. */
async function startSessions(corral, directory) {
  const agent = async (key, parentKey, mode, name, script, children, cap) => {
    const own = path.join(directory, key.replaceAll(':', '-'))
    mkdirSync(own)
    writeFileSync(path.join(own, name), `#!${process.execPath}\n${script}\n`, { mode: 0o755 })
    const session = await corral.spawn({
      key,
      parentKey,
      mode,
      command: name,
      env: { PATH: `${own}:${process.env.PATH}` },
      limits: { memoryMax: cap },
    })
    for (let i = 0; i < children; i++) await session.spawn('sleep', ['1000'])
  }
  await agent(
    'agent:main:acp:8f3b',
    'agent:main:main',
    'persistent',
    'claude-agent-acp',
    HOLDS(180),
    4,
    '240M',
  )
  await agent('agent:main:acp:9a1c', 'agent:main:main', 'oneshot', 'codex-acp', WORKS, 2, '512M')
  await agent(
    'agent:main:acp:c07e',
    'agent:main:acp:8f3b',
    'oneshot',
    'claude-agent-acp',
    HOLDS(90),
    1,
    '106M',
  )
  await agent('agent:review:acp:11d0', undefined, 'oneshot', 'gemini', HOLDS(40), 0, '1G')
}

const CHECKOUT = fileURLToPath(new URL('..', import.meta.url))

/** Without where this checkout is, and as wide. */
const anywhere = (text) => text.replace(CHECKOUT, '…/').padEnd(text.length)
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

function part({ column, columns, text, style }, y) {
  const [x, width] = [PADDING + column * CHARACTER, columns * CHARACTER]
  const fill = style.inverse ? BACKGROUND : (COLOURS[style.colour] ?? TEXT)
  const look = `fill="${fill}"${style.bold ? ' font-weight="bold"' : ''}${style.dim ? ' opacity="0.6"' : ''}`
  return [
    style.inverse
      ? `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${LINE}" fill="${TEXT}"/>`
      : '',
    text.trim() === ''
      ? ''
      : `<text x="${x.toFixed(1)}" y="${y + 14}" textLength="${width.toFixed(1)}" xml:space="preserve" ${look}>${escaped(anywhere(text))}</text>`,
  ].join('')
}

/** What is on a terminal, without the empty lines at its end. */
function write(name, terminal, columns, label) {
  const lines = terminal.lines()
  const height = lines.findLastIndex((line) => line !== '') + 1
  const size = [columns * CHARACTER + 2 * PADDING, height * LINE + 2 * PADDING].map((length) =>
    length.toFixed(0),
  )
  const drawn = lines.slice(0, height).map((_, line) =>
    terminal
      .partsOf(line)
      .map((one) => part(one, PADDING + line * LINE))
      .join(''),
  )
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size[0]} ${size[1]}" width="${size[0]}" height="${size[1]}" role="img" aria-label="${label}">`,
    `<rect width="${size[0]}" height="${size[1]}" rx="8" fill="${BACKGROUND}"/>`,
    '<g font-family="ui-monospace, \'DejaVu Sans Mono\', monospace" font-size="14">',
    ...drawn.filter(Boolean),
    '</g></svg>\n',
  ].join('\n')
  writeFileSync(fileOf(name), svg)
}

/** Runs a command line in a terminal, to its end or until `use` is done with it. */
async function inTerminal(words, columns, rows, use) {
  const terminal = openTerminal(process.execPath, [CLI, ...words], columns, rows)
  await use(terminal)
  await terminal.exited
}

async function listing(columns) {
  await inTerminal(['ls'], columns, 12, async (terminal) => {
    await terminal.exited
    await terminal.shows(/gemini|11d0/)
    write(`ls-${columns}`, terminal, columns, `corral ls in a terminal of ${columns} columns`)
  })
}

async function tops() {
  const columns = 132
  await inTerminal(['top', '--interval', '500'], columns, 9, async (terminal) => {
    await terminal.shows(/^4 sessions of 1 instance · \d+ processes · .* % of a CPU/)
    await new Promise((resolve) => void setTimeout(resolve, 4500)) // timer: for looks that the trend is of
    terminal.type(DOWN + DOWN)
    await terminal.shows(/8f3b/)
    terminal.type('k')
    await terminal.shows(/^end agent:main:acp:/)
    write('top', terminal, columns, 'corral top, asking whether to end a session')
    terminal.type('n')
    await terminal.shows(/^↑↓ choose/)
    terminal.type('/claude')
    await terminal.shows(/^filter: claude_$/)
    write('top-filter', terminal, columns, 'corral top with a filter')
    terminal.type('\r\r')
    await terminal.shows(/^agent:main:acp:8f3b: 5 processes$/)
    await terminal.shows(/ 0\.0 .*sleep 1000$/)
    write('top-processes', terminal, columns, 'corral top with the processes of a session')
    terminal.type('q')
  })
}

async function diagnosis() {
  await inTerminal(['doctor'], 110, 50, async (terminal) => {
    await terminal.exited
    await terminal.shows(/^PASS/)
    write('doctor', terminal, 110, 'corral doctor')
  })
}

const directory = path.join(tmpdir(), `corral-pictures-${process.pid}`)
mkdirSync(directory)
process.argv = ['node', 'gateway.js'] // as the owner of the instance is shown
const corral = await openCorral({ enforcement: 'best-effort' })
try {
  await startSessions(corral, directory)
  await tops()
  for (const columns of [80, 120, 200]) await listing(columns)
  await diagnosis()
} finally {
  await corral.close({ graceMs: 0 })
  rmSync(directory, { recursive: true })
}
