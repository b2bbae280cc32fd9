// npm run test:openclaw: the end-to-end tests of OpenClaw, apart from the others, as its gateway takes a minute for each start.
import { defineConfig, mergeConfig } from 'vitest/config'
import { reporters } from '../../support/reporters.js'
import e2e from '../vitest.config.js'

const { include: _, exclude: __, reporters: ___, ...others } = e2e.test ?? {}

export default mergeConfig(
  { test: others },
  defineConfig({ test: { reporters: reporters('openclaw'), include: ['test/e2e/openclaw/**/*.test.ts'] } }),
)
