import { SubreaperBackend } from './backend.js'

/** Why no keeper, which holds sessions where there is no cgroup, can be started; undefined: one was, and has ended. */
export async function refusalOfSubreaper(): Promise<string | undefined> {
  try {
    const options = {
      sessions: {},
      enforcement: 'required',
      killTimeoutMs: 5000,
      startTimeoutMs: 5000,
    } as const
    const backend = await SubreaperBackend.open(options, () => undefined)
    await backend.close()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
