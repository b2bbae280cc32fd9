// What there is to complete: the commands with their options and arguments, as commander has them. What a value is, its
// placeholder tells: `<key>`, `<directory>`, …
import type { Command } from 'commander'

/** What a value is; undefined where nothing is known of it. */
export type Kind = 'keys' | 'instances' | 'directories' | 'command' | readonly string[] | undefined

export interface OptionShape {
  /** With their dashes; the last one is the long form. */
  names: string[]
  description: string
  /** Absent where it takes none. */
  value?: { name: string; kind: Kind; variadic: boolean }
}

export interface CommandShape {
  name: string
  description: string
  options: OptionShape[]
  /** Of its arguments; undefined where it takes none, or nothing is known of them. */
  takes: Kind
}

const KINDS: Record<string, Kind> = {
  key: 'keys',
  keys: 'keys',
  id: 'instances',
  directory: 'directories',
  command: 'command',
}
const HELP: OptionShape = { names: ['-h', '--help'], description: 'display help for command' }

/** The commands of `program`, and before them what there is without one, under the name ''. */
export function shapesOf(program: Command): CommandShape[] {
  return [shapeOf(program, ''), ...program.commands.map((command) => shapeOf(command, command.name()))]
}

function shapeOf(command: Command, name: string): CommandShape {
  const options = command.options.map(({ flags, description, argChoices, required, optional }) => {
    const names = flags.match(/(?<![\w-])--?[a-z][\w-]*/gi) ?? []
    const shape: OptionShape = { names: [...names], description }
    const placeholder = /[<[]([\w-]+)(\.\.\.)?[>\]]/.exec(flags)
    if ((required || optional) && placeholder?.[1] !== undefined)
      shape.value = {
        name: placeholder[1],
        kind: argChoices ?? KINDS[placeholder[1]],
        variadic: placeholder[2] !== undefined,
      }
    return shape
  })
  const [argument] = command.registeredArguments
  const takes = argument && (argument.argChoices ?? KINDS[argument.name()])
  return { name, description: command.description(), options: [...options, HELP], takes }
}
