#!/usr/bin/env node
// The program `corral`.
import { corral } from './commands.js'

process.exitCode = await corral(process.argv.slice(2))
