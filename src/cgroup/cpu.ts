// The cpu controller: cpu.max, cpu.weight. cpu.stat is there with or without it.
import { type Controller, known, numberFile } from './controller.js'
import { readKeyed } from './file.js'

const PERIOD_US = 100_000

export const cpu: Controller = {
  name: 'cpu',
  limits: [
    {
      limit: 'cpuMax',
      file: 'cpu.max',
      format: (cores) => `${Math.floor(cores * PERIOD_US)} ${PERIOD_US}`,
      parse(text) {
        const [quota = '', period] = text.split(' ')
        return quota === 'max' ? Number.POSITIVE_INFINITY : Number(quota) / Number(period)
      },
    },
    numberFile('cpuWeight', 'cpu.weight'),
  ],
  usage(directory) {
    const stat = readKeyed(directory, 'cpu.stat')
    const ms = (name: string) => {
      const us = stat?.get(name)
      return us === undefined ? undefined : us / 1000
    }
    return known({ cpuUserMs: ms('user_usec'), cpuSystemMs: ms('system_usec') })
  },
}
