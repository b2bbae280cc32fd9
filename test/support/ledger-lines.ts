// A ledger of a test's own, and the lines in it.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type LedgerLine, parseLine } from '../../src/ledger/line.js'

/** The path of a file that is not there yet, in a new directory. */
export async function newLedger(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'corral-ledger-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return join(directory, 'ledger.jsonl')
}

/** All lines of it. @throws for what is none. */
export function linesIn(file: string): LedgerLine[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  if (lines.pop() !== '') throw new Error(`${file} does not end with a line feed`)
  return lines.map((line) => parseLine(line) ?? failOn(line))
}

function failOn(line: string): never {
  throw new Error(`no line of a ledger: ${line}`)
}
