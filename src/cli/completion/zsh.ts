// The completion for zsh, by its own _arguments.
import type { CommandShape, Kind, OptionShape } from './definition.js'

/** Text between single quotes. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** What may stand in a specification of _arguments without meaning there. */
const plain = (text: string) => text.replace(/[[\]:\\]/g, '\\$&')

function actionOf(kind: Kind): string {
  if (kind === 'keys' || kind === 'instances') return `{_corral_live ${kind}}`
  if (kind === 'directories') return '_directories'
  if (kind === 'command') return '_command_names -e'
  return kind === undefined ? ' ' : `(${kind.join(' ')})`
}

function optionSpec({ names, description, value }: OptionShape): string {
  const takes = value ? `:${plain(value.name)}:${actionOf(value.kind)}` : ''
  const many = value?.variadic ? '*' : ''
  const exclusive = many ? '' : `(${names.join(' ')})`
  return names
    .map((name) => quoted(`${exclusive}${many}${name}${value ? '=' : ''}[${plain(description)}]${takes}`))
    .join(' ')
}

function argumentSpecs({ takes }: CommandShape): string[] {
  if (takes === undefined) return []
  if (takes === 'command') return [quoted('(-)1:command:_command_names -e'), quoted('*::argument:_normal')]
  const many = typeof takes === 'string' ? '*' : '1'
  return [quoted(`${many}:${typeof takes === 'string' ? takes : 'word'}:${actionOf(takes)}`)]
}

function branch(command: CommandShape): string {
  const specs = [...command.options.map(optionSpec), ...argumentSpecs(command)]
  // Options end at the first argument of a command that passes them on
  const words = command.takes === 'command' ? '_arguments -S -A "-*"' : '_arguments -S'
  return `        ${command.name})\n          ${[words, ...specs].join(' \\\n            ')}\n          ;;`
}

export function zshCompletion(commands: CommandShape[]): string {
  const top = commands.filter(({ name }) => name === '').flatMap(({ options }) => options.map(optionSpec))
  const named = commands.filter(({ name }) => name !== '')
  const list = named.map(({ name, description }) => `        ${quoted(`${plain(name)}:${description}`)}`)
  return `#compdef corral
# Completion of corral for zsh. Printed by \`corral completion zsh\`.

# The keys or instances that live below the root that was given, each as it is: compadd quotes them.
_corral_live() {
  local -a live root
  [[ -n \${opt_args[--root]} ]] && root=(--root \${(Q)opt_args[--root]})
  live=(\${(f)"$(\${(Q)corral} completion $1 $root 2>/dev/null </dev/null)"})
  compadd -- $live
}

_corral() {
  local context state state_descr line corral=$words[1]
  local -A opt_args
  _arguments -C ${[...top, quoted('1:command:->command'), quoted('*::argument:->argument')].join(' \\\n    ')}
  case $state in
    command)
      local -a commands=(
${list.join('\n')}
        'help:display help for command'
      )
      _describe -t commands command commands
      ;;
    argument)
      case $words[1] in
${named.map(branch).join('\n')}
        help)
          _arguments ${quoted(`1:command:(${named.map(({ name }) => name).join(' ')})`)}
          ;;
      esac
      ;;
  esac
}

if [[ \${funcstack[1]} == _corral ]]; then _corral "$@"; else compdef _corral corral; fi
`
}
