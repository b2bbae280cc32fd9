// A pen for a host without cgroups: by a mark that children inherit, whatever becomes of their parent, their process group or their
// environment (bench/demo/marks.mjs). The hard limit is that of the test run, the soft limit that of the pen.
import { execFileSync, spawn } from 'node:child_process'
import { endMarked, guardMark, marked, marking, newMark, ownMark } from '../../bench/demo/marks.mjs'
import { eventually } from './eventually.js'
import { describeAll, type Pen } from './pen.js'

type Mark = ReturnType<typeof ownMark>

/** Marks this process itself, and so whatever it starts from now on. */
function wear({ hard, soft }: Mark): void {
  execFileSync('prlimit', [`--pid=${process.pid}`, `--rss=${soft * 1024}:${hard * 1024}`])
}

/** A pen without a path: `noPath` says why, by throwing. */
export function markedPen(noPath: () => never): Pen {
  return penOf({ hard: ownMark().hard, soft: newMark() }, noPath)
}

function penOf(mark: Mark, noPath: () => never): Pen {
  // Also this process, once it has entered
  const everybody = async () => marked(mark)
  const kill = async () => {
    await eventually('nobody lives in the pen', () => endMarked(mark, { but: process.pid }) === 0, {
      withinMs: 10_000,
      instead: async () => describeAll(await everybody()),
    })
  }
  return {
    get path() {
      return noPath()
    },
    spawn: (command, words, options = {}) => {
      const line = marking(mark, command, [...words])
      return spawn(line.command, line.args, options)
    },
    async enter() {
      const before = ownMark()
      wear(mark)
      return async () => wear(before)
    },
    members: everybody,
    everybody,
    groups: async () => [],
    kill,
    async remove() {
      const left = await everybody()
      if (left.length > 0) throw new Error(`in the pen live ${(await describeAll(left)).join(', ')}`)
    },
    [Symbol.asyncDispose]: kill,
  }
}

/** Marks the test run: this process and what it starts from now on. `end()` rejects with those who are left, and ends them. */
export function markSuite(): { end(): Promise<void> } {
  const hard = newMark()
  const guard = guardMark(hard)
  wear({ hard, soft: hard })
  const left = () => marked({ hard }).filter((pid) => pid !== process.pid)
  return {
    async end() {
      try {
        // The test runner's own workers may still be on their way out
        await eventually('the tests leave nothing behind', () => left().length === 0, {
          stretched: false, // vitest gives all of this ten seconds
          instead: async () => describeAll(left()),
        })
      } finally {
        await guard.end()
      }
    },
  }
}
