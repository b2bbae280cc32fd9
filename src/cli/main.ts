#!/usr/bin/env node
// The program `corral`.
import { takeLaunch } from './launched.js'

takeLaunch()
const { corral } = await import('./commands.js')
process.exitCode = await corral(process.argv.slice(2))
