#!/usr/bin/env node
// The program `corral`.
import { takeLaunch } from './launched.js'

const words = process.argv.slice(2)
takeLaunch({ guesses: words[0] === 'run' || words[0] === 'exec' })
const { corral } = await import('./commands.js')
process.exitCode = await corral(words)
