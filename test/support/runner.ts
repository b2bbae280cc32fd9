// vitest's runner, which gives the tests of test/flaky.ts further tries.
import { type RunnerTask, type RunnerTestFile, TestRunner } from 'vitest'
import { FLAKY } from '../flaky.js'

const FURTHER_TRIES = 2

function mark(task: RunnerTask, names: string): void {
  const name = `${names} ${task.name}`
  if (task.type === 'suite') for (const child of task.tasks) mark(child, name)
  else if (FLAKY.some((pattern) => pattern.test(name))) task.retry = FURTHER_TRIES
}

export default class Runner extends TestRunner {
  onCollected(files: RunnerTestFile[]): void {
    for (const file of files) for (const task of file.tasks) mark(task, '')
  }
}
