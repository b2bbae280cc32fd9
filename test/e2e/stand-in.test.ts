// The three endings with the small agent of the demo: needs no download.
import { describe } from 'vitest'
import { standInAgent } from '../../bench/demo/agents.mjs'
import { describeEndings } from './endings.js'

describe('stand-in agent', () => {
  describeEndings(standInAgent)
})
