// The behaviour tests on another host, on what holds sessions there, and what the doctor claims of it: run by fixtures/behaviour.mjs, which finds that out.
import { defineConfig } from 'vitest/config'
import { ALWAYS, HELD, TIMES } from '../support/behaviour.js'
import { reporters } from '../support/reporters.js'

const CLAIMS = ['test/kernel/doctor/claims.test.ts']

export default defineConfig({
  test: {
    reporters: reporters('behaviour'),
    globalSetup: 'test/global-setup.ts',
    ...TIMES,
    include: process.env['CORRAL_TEST_HOST'] === 'claims' ? CLAIMS : [ALWAYS, HELD, ...CLAIMS],
    provide: { backend: process.env['CORRAL_TEST_BACKEND'] === 'subreaper' ? 'subreaper' : 'cgroup' },
  },
})
