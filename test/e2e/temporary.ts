// Agents leave directories where temporary files go (gemini a shell's, acpx a queue's), so that is a directory of the run's.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export default function setup(): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'corral-agents-'))
  process.env['TMPDIR'] = directory // the workers that vitest starts, and all that tests start, have it
  return () => rmSync(directory, { recursive: true, force: true })
}
