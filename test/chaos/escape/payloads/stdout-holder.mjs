// Outlives on the pipe: a detached process keeps the leader's stdout open after the leader is gone, so that
// whoever waits for the end of the output waits for it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeSync } from 'node:fs'

const holder = spawn('sleep', ['300'], { detached: true, stdio: ['ignore', 'inherit', 'ignore'] })
await once(holder, 'spawn')
holder.unref()
writeSync(1, 'hidden\n')
if (process.argv[2] !== 'leave') setTimeout(() => {}, 300_000) // timer: its life
