// Session keys as callers give them: any text of 1 to 4,096 bytes.
import { InvalidKeyError } from '../common/errors.js'

/** The longest session key, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 4096

/** Returns `value` when it can be a session key. @throws InvalidKeyError otherwise. */
export function parseKey(value: unknown, argument: string): string {
  if (typeof value !== 'string')
    throw new InvalidKeyError(`${argument} must be a string, not ${value === null ? 'null' : typeof value}`)
  if (value === '')
    throw new InvalidKeyError(`${argument} is empty`, { hint: 'Give 1 to 4,096 bytes of text' })
  if (/\p{Surrogate}/u.test(value))
    throw new InvalidKeyError(`${argument} has half a surrogate pair in it, which no UTF-8 text has`)
  const bytes = Buffer.byteLength(value)
  if (bytes > MAX_KEY_BYTES)
    throw new InvalidKeyError(`${argument} has ${bytes} bytes`, {
      hint: `At most ${MAX_KEY_BYTES} are possible`,
    })
  return value
}
