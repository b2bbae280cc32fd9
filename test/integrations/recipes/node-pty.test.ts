// docs/recipes/node-pty.mjs: a terminal is hung up on its end, which a daemon does not hear.
import { openTerminal } from '../../../docs/recipes/node-pty.mjs'
import { eventually } from '../../support/eventually.js'
import { DAEMONISING, describeRecipe } from './leaves-nothing.js'

describeRecipe(
  'node-pty',
  1,
  async (corral) => {
    const opened = await openTerminal(corral, 'sh', ['-c', `tty; ${DAEMONISING}; exec sleep 1000`], {
      session: { key: 'terminal' },
    })
    let said = ''
    opened.terminal.onData((text: string) => {
      said += text
    })
    await eventually(
      'it has a terminal, and has daemonised',
      () => /^\/dev\/pts\/\d+\r\nready\r\n$/.test(said),
      {
        instead: () => said,
      },
    )
    return opened
  },
  async ({ terminal }) => terminal.kill(),
)
