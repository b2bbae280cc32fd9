#!/usr/bin/env node
// Outlives at the end of a chain: npx runs npm, that a shell, that this tool of a local package, and this starts helpers
// that are detached. What was started is npx, and what npx knows of is the shell.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeSync } from 'node:fs'

const LIFETIME_SECONDS = 300
const HELPERS = 2

for (let i = 0; i < HELPERS; i++) {
  const helper = spawn('sleep', [String(LIFETIME_SECONDS)], { detached: true, stdio: 'ignore' })
  await once(helper, 'spawn')
  helper.unref()
}
writeSync(1, 'hidden\n')
if (process.argv[2] !== 'leave') setTimeout(() => {}, LIFETIME_SECONDS * 1000) // timer: its life
