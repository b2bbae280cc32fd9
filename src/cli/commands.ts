// The command line of corral: parses it, and maps how it went to an exit status.
// 0 done · 1 something survived or failed · 2 usage · for `run`: the command's own (126, 127), or its signal.
import { Argument, Command, CommanderError, Option } from 'commander'
import { InvalidArgumentError, InvalidKeyError, InvalidLimitError } from '../common/errors.js'
import { findBehindShims } from '../integrations/shim/behind.js'
import { type KeyOptions, keysFromEnv } from './from-env.js'
import { type LimitOptions, number, splitLimits, withLimits } from './limits.js'
import { ls } from './ls.js'
import { complain, complainOf, linesOf, type Outcome, print } from './output.js'
import { type RunOptions, run } from './run.js'
import type { SetOptions } from './set.js'
import type { SetupOptions } from './setup.js'
import type { ShimOptions } from './shim.js'

// `run` and `ls` are to start fast: the others are loaded when one is asked for, and are all in other-commands.ts.

const USAGE_STATUS = 2
const NOT_FOUND_STATUS = 127
// A host such as acpx follows its SIGTERM with SIGKILL 1.5 s later.
const RUN_GRACE_MS = 1000
const START_TIMEOUT_MS = 10_000
// As of openCorral()
const DRAIN_MS = 1000
const ORPHAN_GRACE_MS = 2000
const TOP_INTERVAL_MS = 1000
// As of top-rows.ts
const TOP_ORDERS = ['tree', 'memory', 'cpu', 'processes', 'peak', 'io']

// Of the command that is carried out: commander has no way to hand it on
let status = 0

function tell(outcome: Outcome): void {
  print(outcome.lines)
  complain((outcome.errors ?? []).map((line) => `corral: ${line}`))
  status = outcome.status
}

const rootOption = () =>
  new Option('--root <directory>', 'the cgroup2 directory that sessions are built under').env('CORRAL_ROOT')
const backendOption = (what: string) =>
  new Option('--backend <name>', `${what}: 'cgroup', 'subreaper' or 'auto'`).default('auto')
const instanceOption = () => new Option('--instance <id>', 'of this instance alone')
const formatOption = (what: string) =>
  new Option(
    '--format <format>',
    `'table', 'json' (a line for each ${what}) or a template: '{{.key}} {{.path}}'`,
  )
const jsonOption = () => new Option('--json', 'print JSON').default(false)
const ledgerOption = () =>
  new Option('--ledger <file>', 'append a line of JSON for each session that is ended (docs/ledger.md)')
const ledgerArgsOption = () =>
  new Option('--ledger-args', 'with the arguments of commands, which may hold secrets').default(false)
const graceOption = (ms: number) =>
  new Option('--grace <ms>', 'how long processes may take to end after SIGTERM; 0 kills at once')
    .argParser(number)
    .default(ms)

const program = new Command('corral')
  .description('Every agent session in its own cgroup, and nothing survives it.')
  .option('-V, --version', 'print the version and how it was built, as `corral version` does')
  .enablePositionalOptions()
  .exitOverride()
  .configureOutput({
    writeOut: (text) => print(linesOf(text)),
    writeErr: (text) => complain(linesOf(text)),
  })

withLimits(
  program
    .command('run')
    .description('run a command in a session of its own')
    .argument('<command...>', 'the command and its arguments, after --')
    .passThroughOptions()
    .addOption(backendOption('mechanism that holds it'))
    .addOption(rootOption())
    .option('--session <key>', 'the session key (default: generated)')
    .option('--parent <key>', 'the key of the session that asked for this one')
    .option(
      '--session-from-env [names]',
      'take the session key from the first of these variables that is set',
    )
    .option(
      '--parent-from-env [names]',
      'the same for the parent key (defaults: CORRAL_SESSION, CORRAL_PARENT)',
    )
    .option('--behind-shims', 'run the first program of that name on PATH that is not a shim', false)
    .option('--no-systemd', 'do not ask systemd for a scope where no cgroup is usable'),
)
  .option('--best-effort', 'run even where a cap cannot be enforced', false)
  .option(
    '--status-128',
    'exit with 128+N where signal N ended the command, instead of ending by that signal',
    false,
  )
  .option('--summary', 'say on stderr at the end how long it took and what it used (default: in a terminal)')
  .option('--no-summary', 'do not say it in a terminal either')
  .addOption(graceOption(RUN_GRACE_MS))
  .addOption(
    new Option('--timeout <ms>', 'how long it may run; then it is ended, with status 124').argParser(number),
  )
  .addOption(
    new Option('--drain <ms>', 'how long processes that it leaves may take to end by themselves')
      .argParser(number)
      .default(DRAIN_MS),
  )
  .addOption(
    new Option('--start-timeout <ms>', 'how long its start may take, for a file system that does not answer')
      .argParser(number)
      .default(START_TIMEOUT_MS),
  )
  .addOption(ledgerOption())
  .addOption(ledgerArgsOption())
  .action(async ([command = '', ...args]: string[], options: RunCommandOptions) => {
    const { rest, limits } = splitLimits(options)
    const { session: _, parent: __, ...others } = rest
    const keys = keysFromEnv(rest)
    const program = options.behindShims ? behindShims(command) : command
    await run(program, args, { ...others, ...keys, limits })
  })

withLimits(
  program
    .command('set')
    .description("change the limits of live sessions; 'none' lifts one")
    .argument('<keys...>', 'session keys')
    .addOption(backendOption('mechanism that holds the sessions'))
    .addOption(rootOption())
    .option('--family', 'limit each session together with all its descendants', false)
    .addOption(jsonOption()),
  { liftable: true },
).action(async (keys: string[], options: LimitOptions & Omit<SetOptions, 'limits'>) => {
  const { rest, limits } = splitLimits(options, { liftable: true })
  const { set } = await import('./other-commands.js')
  tell(await set(keys, { ...rest, limits }))
})

program
  .command('ls')
  .description('list sessions as a tree')
  .addOption(backendOption('mechanism that holds the sessions'))
  .addOption(rootOption())
  .option('-q, --quiet', 'print keys alone', false)
  .addOption(formatOption('session'))
  .addOption(jsonOption())
  .action(async (options) => {
    tell(await ls(options))
  })

program
  .command('top')
  .description('show live sessions in a terminal; h tells its keys')
  .addOption(backendOption('mechanism that holds the sessions'))
  .addOption(rootOption())
  .addOption(
    new Option('--interval <ms>', 'time between two looks').argParser(number).default(TOP_INTERVAL_MS),
  )
  .addOption(new Option('--sort <order>', 'what comes first').choices(TOP_ORDERS).default('tree'))
  .option('--filter <text>', 'sessions with this in their key or command alone', '')
  .option('-b, --batch', 'print what it shows, without a terminal', false)
  .addOption(new Option('-n, --iterations <count>', 'how many looks, then end').argParser(number))
  .addOption(graceOption(0))
  .action(async (options) => {
    const { top } = await import('./other-commands.js')
    await top(options)
  })

program
  .command('ps')
  .description('list the processes of sessions as trees')
  .argument('<keys...>', 'session keys')
  .addOption(backendOption('mechanism that holds the sessions'))
  .addOption(rootOption())
  .addOption(instanceOption())
  .option('-q, --quiet', 'print pids alone', false)
  .addOption(formatOption('process'))
  .addOption(jsonOption())
  .action(async (keys, options) => {
    const { ps } = await import('./other-commands.js')
    tell(await ps(keys, options))
  })

program
  .command('inspect')
  .description('print all that is known of sessions as JSON')
  .argument('<keys...>', 'session keys')
  .addOption(backendOption('mechanism that holds the sessions'))
  .addOption(rootOption())
  .addOption(instanceOption())
  .option(
    '--format <format>',
    "'json' (a line for each session) or a template: '{{.group.usage.memoryBytes}}'",
  )
  .action(async (keys, options) => {
    const { inspect } = await import('./other-commands.js')
    tell(await inspect(keys, options))
  })

program
  .command('wait')
  .description('wait until sessions are over')
  .argument('<keys...>', 'session keys')
  .addOption(backendOption('mechanism that holds the sessions'))
  .addOption(rootOption())
  .addOption(instanceOption())
  .option('--ledger <file>', 'read in this ledger how they ended; else that is unknown')
  .addOption(jsonOption())
  .action(async (keys, options) => {
    const { wait } = await import('./other-commands.js')
    tell(await wait(keys, options))
  })

program
  .command('events')
  .description('print sessions as they come and go, a line of JSON each')
  .addOption(backendOption('mechanism that holds the sessions'))
  .addOption(rootOption())
  .option('--ledger <file>', 'read in this ledger how sessions ended; else that is unknown')
  .action(async (options) => {
    const { events } = await import('./other-commands.js')
    await events(options)
  })

program
  .command('exec')
  .description('run a command in a live session')
  .argument('<key>', 'session key')
  .argument('<command...>', 'the command and its arguments, after --')
  .addOption(backendOption('mechanism that holds the session'))
  .addOption(rootOption())
  .addOption(instanceOption())
  .action(async (key: string, words: string[], options, command: Command) => {
    const { exec } = await import('./other-commands.js')
    tell(await exec(key, commandAfter(key, words, command.parent), options))
  })

program
  .command('kill')
  .description('end sessions')
  .argument('[keys...]', 'session keys')
  .addOption(backendOption('mechanism that holds the sessions'))
  .addOption(rootOption())
  .option('--parent <key>', 'all descendants of this key')
  .option('--instance <id>', 'all sessions of one instance, or those that are meant of that one alone')
  .option('--all', 'all sessions of all instances')
  .addOption(graceOption(0))
  .addOption(jsonOption())
  .action(async (keys, options) => {
    const { kill } = await import('./other-commands.js')
    tell(await kill(keys, options))
  })

program
  .command('sweep')
  .description('collect what dead gateways left')
  .addOption(backendOption('mechanism that holds the sessions'))
  .addOption(rootOption())
  .option('--dry-run', 'only print what would be collected', false)
  .addOption(ledgerOption())
  .addOption(ledgerArgsOption())
  .addOption(jsonOption())
  .action(async (options) => {
    const { sweep } = await import('./other-commands.js')
    tell(await sweep(options))
  })

program
  .command('usage')
  .description('what the sessions in ledgers used, and how they ended')
  .argument('<files...>', "ledgers; '-': standard input")
  .option('--since <time>', 'only those that ended since then: 90m, 12h, 1d, 2w, or a date')
  .addOption(
    new Option('--by <what>', 'what sessions are put together by')
      .choices(['key', 'parent', 'command', 'reason'])
      .default('key'),
  )
  .addOption(jsonOption())
  .action(async (files, options) => {
    const { usage } = await import('./other-commands.js')
    tell(await usage(files, options))
  })

program
  .command('metrics')
  .description('print metrics of all instances for Prometheus, or serve them')
  .addOption(backendOption('mechanism that holds the sessions'))
  .addOption(rootOption())
  .option('--listen <address>', 'serve them at [HOST:]PORT (default host: 127.0.0.1) or at a UNIX socket')
  .addOption(
    new Option('--allow-host <name>', 'accept this Host name too, not on loopback; can be repeated')
      .argParser((name, names: string[]) => [...names, name])
      .default([], 'none'),
  )
  .action(async (options) => {
    const { metrics } = await import('./other-commands.js')
    await metrics(options)
  })

program
  .command('orphans')
  .description('list agents outside of sessions whose starter has gone; end those that are named')
  .addOption(rootOption())
  .option('--match <regex>', 'look for these command lines instead of known agents')
  .option('--all', 'also agents that a living program answers for', false)
  .option('--kill <pid...>', 'end these, each given by its pid or id')
  .addOption(graceOption(ORPHAN_GRACE_MS))
  .addOption(jsonOption())
  .action(async (options) => {
    const { orphans } = await import('./other-commands.js')
    tell(await orphans(options))
  })

/** What `shim` and `setup` write into command lines of `corral run`. */
function withRunFlags(command: Command): Command {
  return withLimits(command.addOption(backendOption('mechanism that holds them')).addOption(rootOption()))
    .option('--session-from-env [names]', 'as for run')
    .option('--parent-from-env [names]', 'as for run')
    .option('--no-systemd', 'as for run')
    .option('--best-effort', 'as for run', false)
    .addOption(new Option('--grace <ms>', 'as for run').argParser(number))
    .option('--dir <directory>', 'where the shims are (default: ~/.local/share/corral/shims)')
}

withRunFlags(
  program
    .command('shim')
    .description('write shims, which run the agents of their names contained; without names, list shims')
    .argument('[names...]', 'names of agents, such as gemini'),
)
  .option('--remove', 'remove the shims', false)
  .addOption(jsonOption())
  .action(async (names: string[], options) => {
    const { rest, limits } = splitLimits(options)
    const { shim } = await import('./other-commands.js')
    tell(shim(names, { ...(rest as Omit<ShimOptions, 'limits'>), limits }))
  })

withRunFlags(
  program
    .command('setup')
    .description('configure acpx or openclaw to run its agents contained; a dry run without --write')
    .argument('<host>', 'acpx or openclaw')
    .argument('[agents...]', 'default: those in the configuration'),
)
  .option('--file <path>', 'its configuration file (default: the one that it reads)')
  .option('--write', 'apply the change, with a backup beside the file', false)
  .option('--undo', 'put back what was there before the last --write', false)
  .action(async (host: string, agents: string[], options) => {
    const { rest, limits } = splitLimits(options)
    const { setup } = await import('./other-commands.js')
    tell(setup(host, agents, { ...(rest as Omit<SetupOptions, 'limits'>), limits }))
  })

program
  .command('doctor')
  .description('report what this host can guarantee, and how to fix what it cannot')
  .addOption(rootOption())

  .option(
    '--require <names>',
    'print what of these is missing (memory,kill,…), and end with 1 where anything is',
  )

  .option('--unit <name>', "print what to add to a gateway's systemd service, and why")
  .option('--user', 'for a user service', false)

  .option('--strict', 'exit with 1 also for a CAUTION', false)

  .addOption(jsonOption())
  .action(async (options) => {
    const { doctor } = await import('./other-commands.js')
    tell(await doctor(options))
  })

program
  .command('version')
  .description('print the version, how it was built, and what the kernel supports')
  .addOption(jsonOption())
  .action(async (options) => {
    const { version } = await import('./other-commands.js')
    tell(version(options))
  })

program
  .command('build')
  .description('build the native addon and corral-warden for this machine, where there are no prebuilt ones')
  .addOption(jsonOption())
  .action(async (options) => {
    const { build } = await import('./other-commands.js')
    tell(build(options))
  })

program
  .command('completion')
  .description('print the completion script for a shell')
  .addArgument(
    new Argument('<what>', "a shell; or 'keys' or 'instances', which completion scripts ask for").choices([
      'bash',
      'zsh',
      'fish',
      'keys',
      'instances',
    ]),
  )
  .addOption(rootOption())
  .action(async (what, options) => {
    const { completion } = await import('./other-commands.js')
    tell({ lines: await completion(what, program, options), status: 0 })
  })

/** `--version` alone is a command: it takes --json, and tells more than one line. */
function wordsOf(words: string[]): string[] {
  return words[0] === '--version' || words[0] === '-V' ? ['version', ...words.slice(1)] : words
}

/** Without -- an option among the words of a command would be taken for ours. @throws InvalidArgumentError where one was. */
function commandAfter(
  key: string,
  words: string[],
  parent: (Command & { rawArgs?: string[] }) | null,
): string[] {
  const given = parent?.rawArgs ?? []
  const last = given.slice(-words.length - 1)
  if (given.includes('--') || [key, ...words].every((word, at) => word === last[at])) return words
  throw new InvalidArgumentError('options stand among the words of the command', {
    hint: 'Put -- before the command: corral exec KEY -- COMMAND…',
  })
}

type RunCommandOptions = LimitOptions & Omit<RunOptions, 'limits'> & KeyOptions & { behindShims: boolean }

/** By its path, as by its name it is the shim that is found. There is no going on without. */
function behindShims(name: string): string {
  const found = findBehindShims(name)
  if (found !== undefined) return found
  complain([`corral: '${name}' cannot be started: no program of that name on PATH that is not a shim`])
  process.exit(NOT_FOUND_STATUS)
}

function isUsage(error: unknown): boolean {
  return (
    error instanceof InvalidArgumentError ||
    error instanceof InvalidKeyError ||
    error instanceof InvalidLimitError
  )
}

/** Carries out a command line; resolves with the exit status. */
export async function corral(words: string[]): Promise<number> {
  status = 0
  try {
    await program.parseAsync(wordsOf(words), { from: 'user' })
    return status
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_STATUS // commander has printed it
    complainOf(error)
    return isUsage(error) ? USAGE_STATUS : 1
  }
}
