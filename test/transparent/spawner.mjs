// spawner.mjs WAY [ROOT] COMMAND…: starts the command with Node's child_process, or by a mechanism of corral, and waits for its end.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openCorral } from '../../dist/index.js'

const [way, root, command, ...args] = process.argv.slice(2)
if (way === 'child_process') {
  await once(spawn(command, args, { stdio: 'inherit' }), 'exit')
} else {
  const corral = await openCorral(way === 'cgroup' ? { root } : { backend: way })
  const session = await corral.spawn({ command, args, stdio: 'inherit' })
  await session.closed
  await corral.close()
}
