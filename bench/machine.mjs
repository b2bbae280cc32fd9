// What the figures were measured on.

import { readFileSync } from 'node:fs'
import os from 'node:os'

export function machineFacts() {
  return {
    date: new Date().toISOString(),
    kernel: `${os.type()} ${os.release()} ${os.arch()}`,
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryMiB: Math.round(os.totalmem() / 2 ** 20),
    transparentHugePages: transparentHugePages(),
    node: process.version,
    libuv: process.versions.uv,
    loadAverage: os.loadavg().map((load) => Number(load.toFixed(2))),
  }
}

// Huge pages make fork's page-table copy far cheaper, so a figure without this fact says little.
function transparentHugePages() {
  try {
    const modes = readFileSync('/sys/kernel/mm/transparent_hugepage/enabled', 'utf8')
    return /\[(\w+)\]/.exec(modes)?.[1] ?? 'unknown'
  } catch (error) {
    if (error.code === 'ENOENT') return 'not built in'
    throw error
  }
}
