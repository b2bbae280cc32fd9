// The completion for fish.
import type { CommandShape, Kind, OptionShape } from './definition.js'

const FUNCTIONS = `# The command, and below it its arguments before the cursor that are no options; of what an option takes it says nothing.
function __corral_words
    set -l words (commandline -opc)
    set -l takes $__corral_taking
    set -l skip
    for word in $words[2..-1]
        if test -n "$skip"
            set skip
        else if contains -- $word $takes
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

function __corral_in
    set -l words (__corral_words)
    test (count $words) -ge 1; and test "$words[1]" = $argv[1]
end

# Before the command that it runs: options behind that are not ours
function __corral_before
    set -l words (__corral_words)
    test (count $words) -eq 1; and test "$words[1]" = $argv[1]; and not contains -- -- (commandline -opc)
end

function __corral_none
    test (count (__corral_words)) -eq 0
end

function __corral_run_command
    set -l words (__corral_words)
    if test (count $words) -le 1
        __fish_complete_command
    else
        complete -C (string join -- ' ' (string escape -- $words[2..-1]) (commandline -ct))
    end
end

function __corral_live
    set -l words (commandline -opc)
    set -l root
    set -l index (contains -i -- --root $words); and set root --root $words[(math $index + 1)]
    $words[1] completion $argv[1] $root 2>/dev/null </dev/null
end
`

const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

function actionOf(kind: Kind): string {
  if (kind === 'keys' || kind === 'instances') return ` -a '(__corral_live ${kind})'`
  if (kind === 'directories') return " -a '(__fish_complete_directories (commandline -ct))'"
  if (kind === 'command') return " -a '(__corral_run_command)'"
  return kind === undefined ? '' : ` -a ${quoted(kind.join(' '))}`
}

function optionLine(condition: string, { names, description, value }: OptionShape): string {
  const flags = names.map((name) => (name.startsWith('--') ? ` -l ${name.slice(2)}` : ` -s ${name.slice(1)}`))
  const takes = value ? ` -x${actionOf(value.kind)}` : ''
  return `complete -c corral -n ${quoted(condition)}${flags.join('')}${takes} -d ${quoted(description)}`
}

function linesOf({ name, options, takes }: CommandShape): string[] {
  const condition =
    name === '' ? '__corral_none' : `${takes === 'command' ? '__corral_before' : '__corral_in'} ${name}`
  const lines = options.map((option) => optionLine(condition, option))
  if (takes !== undefined)
    lines.push(`complete -c corral -n ${quoted(`__corral_in ${name}`)}${actionOf(takes)}`)
  return lines
}

export function fishCompletion(commands: CommandShape[]): string {
  const named = commands.filter(({ name }) => name !== '')
  const taking = commands.flatMap(({ options }) =>
    options.flatMap(({ names, value }) => (value ? names : [])),
  )
  const names = [...named, { name: 'help', description: 'display help for command' }].map(
    ({ name, description }) => `complete -c corral -n __corral_none -a ${name} -d ${quoted(description)}`,
  )
  return [
    '# Completion of corral for fish. Printed by `corral completion fish`.\n',
    `set -g __corral_taking ${[...new Set(taking)].join(' ')}\n`,
    FUNCTIONS,
    'complete -c corral -f',
    ...names,
    ...commands.flatMap(linesOf),
    '',
  ].join('\n')
}
