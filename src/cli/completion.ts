// corral completion: the script by which a shell completes our command line, made of the definition of the command line itself;
// and what these scripts ask for while they complete, which is what lives at that moment.
import type { Command } from 'commander'
import type { SessionView } from '../backend/outside.js'
import { printable } from '../common/text.js'
import { Observer } from '../observe/observer.js'
import { bashCompletion } from './completion/bash.js'
import { shapesOf } from './completion/definition.js'
import { fishCompletion } from './completion/fish.js'
import { zshCompletion } from './completion/zsh.js'
import { linesOf } from './output.js'

export type Completion = 'bash' | 'zsh' | 'fish' | 'keys' | 'instances'

/** The lines to print. @throws RootError for keys and instances where there is no root. */
export async function completion(
  what: Completion,
  program: Command,
  options: { root?: string },
): Promise<string[]> {
  switch (what) {
    case 'bash':
      return linesOf(bashCompletion(shapesOf(program)))
    case 'zsh':
      return linesOf(zshCompletion(shapesOf(program)))
    case 'fish':
      return linesOf(fishCompletion(shapesOf(program)))
    case 'keys':
      return shown(
        (await new Observer(options).list('none')).flatMap(({ sessions }) => sessions.flatMap(keysOf)),
      )
    case 'instances':
      return shown((await new Observer(options).list('none')).map(({ instance }) => instance))
  }
}

function keysOf({ key, children }: SessionView): string[] {
  return [...(key === undefined ? [] : [key]), ...children.flatMap(keysOf)]
}

/** Without those that are no line of their own, or that a terminal would not show as they are. */
function shown(words: string[]): string[] {
  return [...new Set(words)].filter((word) => printable(word) === word)
}
