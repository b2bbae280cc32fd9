// The default environment of a child: process.env of the code that calls. In a worker with an environment
// of its own, or once the gateway has put another object in its place, that is not the environment of the process.
import { workerThreads } from '../common/builtins.js'

const atLoad = process.env

/** Whether `env` is what the process itself has, which the addon can take as it is: bytes that are no UTF-8, and in no time. */
export function isOfProcess(env: object): boolean {
  return env === atLoad && isNodes && workerThreads().isMainThread
}

// It may have been replaced before this was loaded. No other object refuses a symbol with this
const isNodes = refusesSymbols(atLoad)

function refusesSymbols(env: object): boolean {
  const probe = Symbol('corral')
  try {
    Reflect.set(env, probe, '')
  } catch (error) {
    return error instanceof TypeError
  }
  Reflect.deleteProperty(env, probe)
  return false
}
