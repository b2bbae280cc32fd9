// docs/escape.md: what escape.mjs measured, as a page. charts.mjs writes it.
import { readFileSync } from 'node:fs'

const SITUATIONS = {
  cancelled: [
    'While the leader is there',
    'A run is cancelled, or its parent is reset: SIGTERM, 300 ms of grace, SIGKILL, in each way as it is done there.',
  ],
  complete: [
    'After the leader has left',
    'A run is complete: its first process has ended, and the processes that it left are to end, too.',
  ],
}

const INTRODUCTION = `# Who outlives what

Programs that try to outlive their session, and ways to end a session. Each program is one file in
test/chaos/escape/payloads, whose first comment says how it hides. All say when they are in place,
and only then are they ended. What is left once nobody has gone for 400 ms is counted by the kernel, in a cgroup around all
of it, and not by the way that did the ending.

\`npm run bench escape\` measures, and writes this page. \`npm run test:escape\` runs the same programs against all endings of
Corral (oneshot completion, close with and without grace, parent reset, SIGKILL to the gateway, sweep), held by cgroups, with
both ways to kill these, and by subreapers.

![How many programs outlive their session, by the way to end it](charts/escape.svg)
`

const READING = `## How to read it

A number in bold is how many processes were left. Otherwise nobody was, and the time is from the call to the moment in which the
cgroup was empty. A dash is a program that cannot run that way (it
finds no cgroups in the container, or may not make a brother of its first process). Times are from one machine with other things to do: they
tell 1 ms from 300 ms, not 3 from 5. About 300 ms is the grace time, which a program that ignores SIGTERM takes in full.
bwrap gives none: it ends by the first signal itself, and with it all others. crun takes it always, because the first
process of a pid namespace does not get a SIGTERM that it has no handler for.

**A pid namespace does as well** where it can be had: when its first process ends, the kernel ends all others in it, whatever they
are. \`bwrap\` and \`crun\` are such. What they ask for is another thing: they need root or user namespaces; the
program is in another view of processes (and, in a container, of files), in which it has another pid, cannot be
attached to or signalled by its own pid from outside, and cannot be given a further process as easily; and they
have no families, no sweep and no limits unless cgroups are added.

**A scope of systemd does as well**, by the same means: it is a cgroup, and to stop it is to signal each process in it again and
again until the kernel says that it is empty. What it asks for is a systemd, and the bus to it for each start and each end.

**Process groups, walks over parent pids and inits in between do not**, and it is not their fault: setsid(2) leaves the first, a
second fork the second, and an init between the gateway and the program passes on a signal and ends by it.

**What Corral does not hold, nobody here does:** a program that asks another service to start something (cron, at,
\`systemd-run\`, a container daemon) has started nothing itself. \`receipt.notHeld\` and \`corral doctor\` say beforehand which of these
are in reach. A hostile process of root, or of a user that may write in
the cgroups above, can move itself out.

## What this found

cgroup.kill alone is not enough. A process whose first thread has ended and that has others ("threads of a zombie")
survives it, on every kernel that was tried (6.1, 6.12, 6.18, 7.2): the SIGKILL goes to the ended thread. Corral looks
whether the members of a group get fewer, and where they do not, it sends SIGKILL to each process through a pidfd.
`

const GUEST = 'in a guest, which is ten times slower (`test/vm`)'

/** The page's text. */
export function escapePage({ machine, figures }) {
  const { ways, missing } = figures
  const tables = Object.entries(SITUATIONS).flatMap(([situation, [title, about]]) => [
    `## ${title}\n`,
    `${about}\n`,
    `${table(figures[situation], ways)}\n`,
  ])
  return [INTRODUCTION, compared(ways, missing), ...tables, moved(), READING, measuredOn(machine)].join('\n')
}

/** The part that `npm run test:moved` writes, as it is. */
function moved() {
  const page = readFileSync(new URL('../docs/escape.md', import.meta.url), 'utf8')
  return page.slice(page.indexOf('## What others move out'), page.indexOf('## How to read it') - 1)
}

function compared(ways, missing) {
  const rows = ways.map(({ name, what, version, guest }) => [
    name,
    what,
    guest ? `${version}, ${GUEST}` : version,
  ])
  const passedOver = Object.entries(missing).map(([name, why]) => `- ${name}: ${why}`)
  return `## What is compared

${markdown(['way', 'what it does', 'version'], rows, '---')}
${passedOver.length > 0 ? `\nNot compared:\n\n${passedOver.join('\n')}\n` : ''}`
}

function table(cells, ways) {
  const names = ways.map(({ name }) => name)
  const rows = Object.entries(cells).map(([program, row]) => [
    program,
    ...names.map((name) => text(row[name])),
  ])
  const outlived = names.map((name) => {
    const hidden = Object.values(cells).filter((row) => row[name].obstacle === undefined)
    const leaking = hidden.filter((row) => row[name].survivors > 0)
    return `**${leaking.length} of ${hidden.length}**`
  })
  return markdown(['program', ...names], [...rows, ['**programs that outlive it**', ...outlived]])
}

function text({ obstacle, survivors, ms }) {
  if (obstacle !== undefined) return '–'
  return survivors > 0 ? `**${survivors}**` : `${ms < 1 ? '< 1' : ms.toFixed(0)} ms`
}

function markdown(header, rows, others = '---:') {
  const rule = header.map((_, column) => (column === 0 ? '---' : others))
  return [header, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function measuredOn({ date, kernel, cpu, cores, memoryMiB, node }) {
  return `## Measured on

${date.slice(0, 10)}, ${kernel}, ${cpu}, ${cores} cores, ${memoryMiB} MiB of memory, Node ${node}.
`
}
