// The programs that try to outlive their session, where subreapers hold it; CORRAL_ESCAPE_ROUNDS says how often.
import { describe } from 'vitest'
import { whole } from '../crash/numbers.js'

const ROUNDS = whole('CORRAL_ESCAPE_ROUNDS', { least: 1 }) ?? 1

describe('kill', { repeats: ROUNDS - 1 }, async () => {
  await import('../kill/close.test.js')
  await import('../kill/oneshot.test.js')
  await import('../kill/reset.test.js')
})
