#!/usr/bin/env node
// The program `corral`. What it imports opens and reads nothing: the launch is taken before that.
import { corral } from './commands.js'
import { takeLaunch } from './launched.js'

const words = process.argv.slice(2)
takeLaunch({ guesses: words[0] === 'run' || words[0] === 'exec' })
void main()

// As CommonJS, which it is in the package, it has no `await` at its top
async function main(): Promise<void> {
  process.exitCode = await corral(words)
}
