// Keeps processors busy beside a command, for as long as it runs: node test/support/burners.mjs N -- COMMAND…
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'

// Ends by itself when its parent is another: then this program is gone, however it ended
const BURN = `
  const parent = Number(process.argv[1])
  while (process.ppid === parent) for (const until = performance.now() + 100; performance.now() < until; );
`

const [count = '', separator, program, ...words] = process.argv.slice(2)
if (!/^\d+$/.test(count) || separator !== '--' || program === undefined) {
  console.error('usage: node test/support/burners.mjs N -- COMMAND…')
  process.exit(2)
}

// Each in a session of its own, as strangers are: where sched_autogroup_enabled is set, sessions share the processors
const burners = Array.from({ length: Number(count) }, () =>
  spawn(process.execPath, ['-e', BURN, String(process.pid)], { detached: true, stdio: 'inherit' }),
)
const command = spawn(program, words, {
  stdio: 'inherit',
  env: { ...process.env, CORRAL_TEST_BURNERS: count },
})
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => command.kill(signal))
process.on('SIGINT', () => undefined) // a terminal sends it to the command too
try {
  const [code, signal] = await once(command, 'exit')
  process.exitCode = code ?? 128 + constants.signals[signal]
} finally {
  for (const burner of burners) burner.kill('SIGKILL')
}
