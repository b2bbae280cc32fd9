// The same gateway on Corral: a session is a control group, and ends when that is empty. Without a root Corral finds what there is to hold sessions.
import { openCorral } from 'corral'

export async function openGateway(root) {
  // Collects what a gateway that died under the same root has left: this is all that a restart has to do.
  const corral = await openCorral(root === '' ? {} : { root })

  return {
    async start({ key, parentKey, mode, command, args, cwd, env, stderr }) {
      const stdio = ['pipe', 'pipe', stderr]
      const session = await corral.spawn({ key, parentKey, mode, command, args, cwd, env, stdio })
      return session.process
    },
    async close(key) {
      await corral.get(key).close({ reason: 'oneshot-complete' })
    },
    async resetParent(parentKey) {
      await corral.resetParent(parentKey)
    },
  }
}
