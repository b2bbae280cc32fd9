// The cpu controller: cpu.max, cpu.weight. cpu.stat is there with or without it.
import os from 'node:os'
import { parseKeyed } from '../../../linux/file.js'
import { type Controller, known } from './controller.js'

const PERIOD_US = 100_000

export const cpu: Controller = {
  name: 'cpu',
  enforcedBy: 'cgroup',
  limits: [
    {
      limit: 'cpuMax',
      file: 'cpu.max',
      format: (cores) => `${Math.floor(cores * PERIOD_US)} ${PERIOD_US}`,
      parse(text) {
        const [quota = '', period] = text.split(' ')
        return quota === 'max' ? Number.POSITIVE_INFINITY : Number(quota) / Number(period)
      },
      lifted: 'max',
      machine: () => os.availableParallelism(),
    },
    { limit: 'cpuWeight', file: 'cpu.weight', format: String, parse: Number, lifted: '100' },
  ],
  counters: ['cpu.stat'],
  gauges: ['cpu.stat'],
  usage(read) {
    const stat = read('cpu.stat')
    const ms = (name: string) => {
      const us = parseKeyed(stat, name)
      return us === undefined ? undefined : us / 1000
    }
    return known({ cpuUserMs: ms('user_usec'), cpuSystemMs: ms('system_usec') })
  },
}
