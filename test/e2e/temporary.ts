// Agents leave directories where temporary files go (gemini those of its shells), so that is a directory of the run's. acpx asks
// nobody: its empty ones are in /tmp.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export default function setup(): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'corral-agents-'))
  process.env['TMPDIR'] = directory // the workers that vitest starts, and all that tests start, have it
  return () => rmSync(directory, { recursive: true, force: true })
}
