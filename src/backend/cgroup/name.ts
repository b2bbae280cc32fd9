// A session key as the name of a cgroup directory, and back. The name *is* the record of the key: there is no
// state file beside it.
import { crypto } from '../../common/builtins.js'
import { LEAF } from '../../native/language.js'

// NAME_MAX of linux/limits.h
const MAX_NAME_BYTES = 255

// Files without a dot that a cgroup directory can hold (v1), and our own leaf. All files of v2 have a dot in
// their name, and a dot is always escaped.
const TAKEN = new Set([LEAF, 'tasks', 'notify_on_release', 'release_agent'])

// Not the colon, which separates the fields of /proc/PID/cgroup: a Java runtime, for one, stops reading there
// (JDK-8272124).
const NAME = /^(?:[A-Za-z0-9_@+,-]|%[0-9A-F]{2})+$/
// What encodeURIComponent() escapes and a name does not, and the other way round
const OTHERWISE = /%(?:40|2B|2C)|[.!~*'()]/g

const percent = (character: string) =>
  `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`

function escapeKey(key: string): string {
  const name = encodeURIComponent(key).replace(OTHERWISE, (found) =>
    found.startsWith('%') ? decodeURIComponent(found) : percent(found),
  )
  return TAKEN.has(name) ? percent(name) + name.slice(1) : name
}

function unescapeKey(name: string): string | undefined {
  if (!NAME.test(name)) return undefined
  try {
    return decodeURIComponent(name)
  } catch {
    return undefined // not UTF-8
  }
}

function digest(key: string): string {
  return `=${crypto().createHash('sha256').update(key).digest('hex')}`
}

/**
 * The directory name of a key: the key itself with every byte but letters, digits and `_@+,-` written as %XX,
 * or, where that is longer than a file name can be, `=` and the SHA-256 of the key, which then stands in KEY_LABEL.
 */
export function nameOfKey(key: string): string {
  const name = escapeKey(key)
  return name.length <= MAX_NAME_BYTES ? name : digest(key)
}

/** What KEY_LABEL of the directory named `name` has to hold; `undefined` where the name tells the key by itself. */
export function labelOfKey(key: string, name: string): string | undefined {
  return name.startsWith('=') ? escapeKey(key) : undefined
}

/**
 * The key of a directory name. `label` reads KEY_LABEL of that directory; it is believed only when its digest is
 * the name. `undefined`: the name is not one of ours.
 */
export function keyOfName(name: string, label: () => string | undefined): string | undefined {
  const key = unescapeKey(name.startsWith('=') ? (label() ?? '') : name)
  return key !== undefined && nameOfKey(key) === name ? key : undefined
}
