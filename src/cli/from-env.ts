// Session keys from the environment: for agent commands in the configuration of a gateway, which have to be the same each
// time, as a gateway takes up a session again only with the command that it knows.
import { InvalidArgumentError } from '../common/errors.js'
import { parseKey } from '../session/key.js'

export interface KeyOptions {
  session?: string
  parent?: string
  /** Names of variables, with commas between; true: the usual one. */
  sessionFromEnv?: string | true
  parentFromEnv?: string | true
}

const USUAL = { session: 'CORRAL_SESSION', parent: 'CORRAL_PARENT' }

/** The value of the first of these variables that is set and not empty. */
function firstOf(names: string, option: string, env: NodeJS.ProcessEnv): string | undefined {
  for (const name of names.split(',').map((part) => part.trim())) {
    if (!/^[^=\0]+$/.test(name))
      throw new InvalidArgumentError(`Invalid ${option}: expected names of variables, got '${names}'`, {
        hint: 'Write NAME or NAME,NAME…',
      })
    const value = env[name]
    if (value) return parseKey(value, `value of ${name} (${option})`)
  }
  return undefined
}

function keyOf(which: 'session' | 'parent', options: KeyOptions, env: NodeJS.ProcessEnv): string | undefined {
  const names = which === 'session' ? options.sessionFromEnv : options.parentFromEnv
  if (names === undefined) return options[which]
  if (options[which] !== undefined)
    throw new InvalidArgumentError(`--${which} and --${which}-from-env cannot be used together`)
  return firstOf(names === true ? USUAL[which] : names, `--${which}-from-env`, env)
}

/**
 * The keys that the options and the environment give; those that they do not are generated.
 * @throws InvalidArgumentError, InvalidKeyError
 */
export function keysFromEnv(
  options: KeyOptions,
  env: NodeJS.ProcessEnv = process.env,
): { session?: string; parent?: string } {
  const [session, parent] = [keyOf('session', options, env), keyOf('parent', options, env)]
  return { ...(session !== undefined && { session }), ...(parent !== undefined && { parent }) }
}
