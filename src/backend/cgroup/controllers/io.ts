// The io controller: io.weight.
import { type Controller, known } from './controller.js'

export const io: Controller = {
  name: 'io',
  enforcedBy: 'cgroup',
  limits: [
    {
      limit: 'ioWeight',
      file: 'io.weight',
      format: (weight) => `default ${weight}`,
      parse: (text) => Number(/^default (\d+)/.exec(text)?.[1]),
      lifted: 'default 100',
    },
  ],
  counters: ['io.stat'],
  gauges: ['io.stat'],
  usage(read) {
    const stat = read('io.stat')
    if (stat === undefined) return {}
    const sum = (name: string) =>
      [...stat.matchAll(new RegExp(`\\b${name}=(\\d+)`, 'g'))].reduce(
        (total, match) => total + Number(match[1]),
        0,
      )
    return known({ ioReadBytes: sum('rbytes'), ioWriteBytes: sum('wbytes') })
  },
}
