// The completion for bash (4.3 or newer); it needs nothing of the package bash-completion.
import type { CommandShape, Kind } from './definition.js'

const FUNCTIONS = `# What is complete so far, as it was typed: bash splits words at COMP_WORDBREAKS, and keys have colons in them.
_corral_words() {
  local line=$COMP_LINE rest index
  words=()
  for ((index = 0; index <= COMP_CWORD; index++)); do
    rest=$line
    while [[ $rest == [[:space:]]* ]]; do rest=\${rest#?}; done
    if ((index > 0)) && [[ $rest == "$line" ]]; then words[\${#words[@]} - 1]+=\${COMP_WORDS[index]}
    else words+=("\${COMP_WORDS[index]}"); fi
    line=\${rest#"\${COMP_WORDS[index]}"}
  done
}

# Puts the words that begin with $cur into COMPREPLY, each a line of standard input, quoted as it is needed.
_corral_offer() {
  local word typed=$cur quote= skip=
  case $typed in
    [\\'\\"]*) quote=\${typed:0:1} typed=\${typed:1} ;;
    *)
      typed=\${typed//\\\\/}
      # What stands before a word break is not replaced
      [[ $COMP_WORDBREAKS == *:* && $typed == *:* ]] && skip=\${typed%"\${typed##*:}"}
      ;;
  esac
  while IFS= read -r word; do
    [[ $word == "$typed"* ]] || continue
    word=\${word#"$skip"}
    if [[ -z $quote ]]; then printf -v word %q "$word"
    elif [[ $word == *"$quote"* || $quote == \\" && $word == *[\\$\\\`\\\\]* ]]; then continue; fi
    COMPREPLY+=("$word")
  done
}

_corral_files() {
  compopt -o filenames 2>/dev/null
  local word
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen "$1" -- "$cur")
}

_corral_live() {
  _corral_offer < <("$corral" completion "$1" \${root:+--root "$root"} 2>/dev/null </dev/null)
}

_corral() {
  local corral=$1 command= root= value= cur option= index operands=0 ended=
  local -a words
  COMPREPLY=()
  _corral_words
  cur=\${words[\${#words[@]} - 1]}
  for ((index = 1; index < \${#words[@]} - 1; index++)); do
    local word=\${words[index]}
    if [[ -n $value ]]; then
      [[ $option == --root ]] && root=$word
      [[ $value == *... && \${words[index + 1]} != -* ]] || value=
    elif [[ $ended || $word != -* ]]; then
      if [[ -z $command ]]; then command=$word; else ((++operands)); [[ $command == run ]] && ended=1; fi
    elif [[ $word == -- ]]; then ended=1
    elif [[ $word == --root=* ]]; then root=\${word#*=}
    elif [[ $word != *=* ]]; then option=$word value=$(_corral_value "$command" "$word")
    fi
  done
  if [[ -n $value ]]; then _corral_kind "\${value%...}"
  elif [[ -z $ended && $cur == --*=* ]]; then
    value=$(_corral_value "$command" "\${cur%%=*}")
    cur=\${cur#*=}
    _corral_kind "\${value%...}"
  elif [[ -z $ended && $cur == -* ]]; then _corral_offer < <(_corral_options "$command")
  elif [[ $command == run ]] && ((operands > 0)); then _corral_files -f
  else _corral_kind "$(_corral_argument "$command")"
  fi
}

complete -F _corral corral
`

/** One line of a `case`, in which words and patterns need no quotes: names of commands and options. */
const line = (pattern: string, words: string) => `    '${pattern}') echo '${words}' ;;`

/** A kind as a word: those of definition.ts, or words that are given one by one. */
function kindWord(kind: Kind): string {
  if (kind === undefined) return 'unknown'
  return typeof kind === 'string' ? kind : `words ${kind.join(' ')}`
}

function table(name: string, head: string, lines: string[]): string {
  return [`${name}() {`, `  case "${head}" in`, ...lines, '  esac', '}', ''].join('\n')
}

export function bashCompletion(commands: CommandShape[]): string {
  const named = commands.filter(({ name }) => name !== '')
  const options = commands.map(({ name, options }) =>
    line(name, options.flatMap(({ names }) => names).join(' ')),
  )
  const values = commands.flatMap(({ name, options }) =>
    options.flatMap(({ names, value }) => {
      if (!value) return []
      return names.map((option) =>
        line(`${name} ${option}`, `${kindWord(value.kind)}${value.variadic ? '...' : ''}`),
      )
    }),
  )
  const takes = commands.map(({ name, takes }) =>
    name === ''
      ? line('', `words ${named.map((command) => command.name).join(' ')} help`)
      : line(name, takes === undefined ? '' : kindWord(takes)),
  )
  return [
    '# Completion of corral for bash. Printed by `corral completion bash`.\n',
    table('_corral_option_table', '$1', options),
    `_corral_options() {\n  printf '%s\\n' $(_corral_option_table "$1")\n}\n`,
    '# What the value of an option is; nothing for one that takes none.',
    table('_corral_value', '$1 $2', values),
    table('_corral_argument', '$1', takes),
    `_corral_kind() {
  case $1 in
    keys | instances) _corral_live "$1" ;;
    directories) _corral_files -d ;;
    command) _corral_files -c ;;
    words*) _corral_offer < <(printf '%s\\n' \${1#words}) ;;
  esac
}
`,
    FUNCTIONS,
  ].join('\n')
}
