// What one prompt leaves behind: a shell command that starts four background processes in the four ways that
// agents' tool calls were seen to. None of them can be found afterwards by its parent, its process group or
// its environment.
const AWAY = '>/dev/null 2>&1 </dev/null'
const SLEEP = 'sleep 1000'

const WAYS = [
  `setsid ${SLEEP} ${AWAY} &`,
  `nohup ${SLEEP} ${AWAY} &`,
  // Forked twice and deaf to SIGTERM, as many a daemon.
  `setsid sh -c '(trap "" TERM; exec ${SLEEP}) &' ${AWAY};`,
  `env -i ${SLEEP} ${AWAY} &`,
]

export const LEFTOVERS_PER_PROMPT = WAYS.length

export const LEAVING_COMMAND = `${WAYS.join(' ')} echo started`

/** A prompt that makes the stand-in agent, and claude behind the fake model, run `command`. */
export function prompting(command) {
  return `Please run this: BASH{${command}}`
}

export const LEAVING_PROMPT = prompting(LEAVING_COMMAND)
