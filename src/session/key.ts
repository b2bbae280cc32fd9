// Session keys as callers give them: any text of 1 to 4,096 bytes.
import { InvalidKeyError } from '../common/errors.js'

/** The longest session key, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 4096

/** Returns `value` when it can be a session key. @throws InvalidKeyError otherwise. */
export function parseKey(value: unknown, argument: string): string {
  if (typeof value !== 'string')
    throw new InvalidKeyError(
      `Invalid ${argument}: expected a string, got ${value === null ? 'null' : typeof value}`,
    )
  if (value === '')
    throw new InvalidKeyError(
      `Invalid ${argument}: expected 1 to ${MAX_KEY_BYTES} bytes of text, got an empty string`,
    )
  if (/\p{Surrogate}/u.test(value))
    throw new InvalidKeyError(`Invalid ${argument}: it contains a lone surrogate, which is not valid UTF-8`)
  const bytes = Buffer.byteLength(value)
  if (bytes > MAX_KEY_BYTES)
    throw new InvalidKeyError(`Invalid ${argument}: expected 1 to ${MAX_KEY_BYTES} bytes, got ${bytes} bytes`)
  return value
}
