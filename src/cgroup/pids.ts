// The pids controller: pids.max. Threads count.
import { type Controller, known, numberFile } from './controller.js'
import { readNumber } from './file.js'

export const pids: Controller = {
  name: 'pids',
  limits: [numberFile('pidsMax', 'pids.max')],
  usage(directory) {
    return known({
      pids: readNumber(directory, 'pids.current'),
      pidsPeak: readNumber(directory, 'pids.peak'),
    })
  },
}
