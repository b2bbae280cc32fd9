// acpx with the small agent of the demo: needs no download.
import { describe } from 'vitest'
import { standInAgent } from '../../../bench/demo/agents.mjs'
import { describeEmbeddedEndings } from './embedded-endings.js'
import { describeWrappedEndings } from './wrapped-endings.js'

describe('the stand-in agent in acpx', () => {
  describeEmbeddedEndings(standInAgent)
  describeWrappedEndings(standInAgent)
})
