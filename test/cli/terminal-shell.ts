// A shell at a terminal, as somebody types in it: what its line editor makes of a line with a TAB in it.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, test as plain } from 'vitest'
import { line } from '../support/line.js'
import { test } from '../support/pen-test.js'
import { CLI } from './command-line.js'

export type ShellName = 'bash' | 'zsh' | 'fish'

/** Whether it can be run here; the run says which cannot. */
export function isInstalled(program: string): boolean {
  const found = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
  if (!found) console.log(`skipped: there is no ${program} here (apt-get install ${program})`)
  return found
}

/** `test` with a pen, for tests that need these programs. */
export function needingPrograms(...programs: string[]): typeof test {
  return programs.map(isInstalled).every(Boolean) ? test : (test.skip as typeof test)
}

/** `test`, for tests that need this program. */
export function needingProgram(program: string): typeof plain {
  return isInstalled(program) ? plain : (plain.skip as typeof plain)
}

/** A directory with `corral` in it, to be put into a PATH; it goes with the test. */
export function directoryWithCorral(): string {
  const directory = mkdtempSync(join(tmpdir(), 'corral-shell-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, 'corral'), `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`, {
    mode: 0o755,
  })
  return directory
}

const START: Record<ShellName, string> = {
  bash: 'exec bash --noprofile --norc -i',
  zsh: 'exec zsh -f -i',
  fish: 'exec fish --no-config -i',
}
// The prompt, which is a line of its own, is not to be seen in the line that sets it
const SETUP: Record<ShellName, string> = {
  bash: "source \"$COMPLETION\"; PS1='type''here\\n'",
  zsh: "bindkey -e; autoload -Uz compinit; compinit -D; source $COMPLETION; PROMPT=$'type\\x68ere\\n'",
  fish: "source $COMPLETION; function fish_prompt; echo type''here; echo '> '; end",
}

/**
 * What stands in the line after each of `typed`, of which the last character is to be a TAB: the line is made one that prints
 * its words, each between brackets. `COMPLETION` in the environment names the completion's file.
 */
export async function completedLines(
  name: ShellName,
  typed: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string[]> {
  const directory = directoryWithCorral()
  const PATH = `${directory}:${process.env['PATH']}`
  const shell = spawn('script', ['-qec', START[name], '/dev/null'], {
    cwd: directory,
    env: { ...process.env, ...env, PATH, TERM: 'xterm', HOME: directory },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void shell.kill('SIGKILL'))
  const answer = (keys: string, pattern: RegExp) => {
    const found = line(shell.stdout, pattern, 20_000)
    shell.stdin.write(keys)
    return found
  }
  await answer(`${SETUP[name]}\n`, /typehere/)
  const words: string[] = []
  for (const keys of typed) {
    const printed = await answer(`${keys}\x01printf '[%s]' '<' \x05 '>'; echo\n`, /\[<\].*\[>\]/)
    words.push(/\[<\](.*)\[>\]/.exec(printed)?.[1] ?? '')
  }
  shell.stdin.end('exit\n')
  return words
}
