// Text that a session would have a terminal act upon, or that would hide something, and how one sees that none of it got out.
import { expect } from 'vitest'

/** By what each is. */
export const HOSTILE_TEXT: Record<string, string> = {
  'a title (OSC 0)': '\x1b]0;PWNED\x07',
  'a clipboard (OSC 52)': '\x1b]52;c;cm0gLXJmIC8=\x1b\\',
  'a device control string': '\x1bPq#0;2;0;0;0\x1b\\',
  'an erased screen': '\x1b[2J\x1b[31mred',
  'the 8-bit CSI': '\x9b2J\x9b31m',
  'the 8-bit OSC and DCS': '\x9d0;PWNED\x9c\x90q\x9c',
  backspaces: 'good\b\b\b\bevil',
  'a carriage return': 'good\revil',
  'further lines': 'a\nb\vc\fd\x85e\u2028f\u2029g',
  'a tab': 'a\tb',
  'a DEL': 'a\x7fb',
  'a bidi override': 'a\u202eb\u202dc\u202a\u202bd\u202c',
  'bidi isolates and marks': 'a\u2066b\u2067c\u2068d\u2069\u200e\u200f\u061c',
  'zero width': 'a\u200bb\u200cc\u200dd\u2060e\ufefff\u00adg',
  'what is never shown': 'a\u034fb\u115fc\u3164d\u17b4e\u180ef\ufe0fg\u{e0041}h\u{e0100}i',
}

export const ALL_HOSTILE_TEXT = Object.values(HOSTILE_TEXT).join('|')

// Not the expression that it is made fit by. Line feeds end lines
const UNFIT =
  /[\0-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\u{e0000}-\u{e0fff}\ud800-\udfff]|\u034f|\p{Variation_Selector}/u

/** That a terminal shows all of an output and does nothing but that. */
export function expectFit(output: string): void {
  expect(UNFIT.exec(output)?.[0]?.codePointAt(0)?.toString(16)).toBeUndefined()
}
