// Our side of the file by which a call is made to fail: payloads/control.h has its form.
import { closeSync, openSync, readSync, writeSync } from 'node:fs'

const AT = {
  mode: 4,
  textStart: 8,
  nth: 24,
  seen: 32,
  fired: 36,
  length: 40,
  root: 48,
  twin: 1072,
  target: 2096,
  record: 2352,
}
const MODE = { off: 0, record: 1, once: 2, always: 3 }
export const CONTROL_BYTES = AT.record + (1 << 20)

export class Control {
  #fd

  constructor(path) {
    this.#fd = openSync(path, 'r+')
  }

  /** Below which paths calls are ours, and where the addon's code is. */
  describe({ root, twin, text: [start, end] }) {
    this.#text(AT.root, root)
    this.#text(AT.twin, twin ?? '')
    const range = Buffer.alloc(16)
    range.writeBigUInt64LE(start, 0)
    range.writeBigUInt64LE(end, 8)
    writeSync(this.#fd, range, 0, 16, AT.textStart)
  }

  record() {
    this.#number(AT.length, 0)
    this.#number(AT.mode, MODE.record)
  }

  /** The calls since record(), as `CALL WHAT`. */
  recorded() {
    this.#number(AT.mode, MODE.off)
    const bytes = Buffer.alloc(Math.min(this.#read(AT.length), 1 << 20))
    readSync(this.#fd, bytes, 0, bytes.length, AT.record)
    return bytes.toString().split('\n').filter(Boolean)
  }

  /** From now on, the `nth` call with that label fails (with `always`, and all later ones), with that errno. */
  arm({ label, nth, number, always }) {
    this.#text(AT.target, label)
    const numbers = Buffer.alloc(16)
    numbers.writeUInt32LE(nth, 0)
    numbers.writeUInt32LE(number, 4)
    writeSync(this.#fd, numbers, 0, 16, AT.nth)
    this.#number(AT.mode, always ? MODE.always : MODE.once)
  }

  /** How many calls have failed. */
  disarm() {
    this.#number(AT.mode, MODE.off)
    return this.#read(AT.fired)
  }

  close() {
    closeSync(this.#fd)
  }

  #text(at, text) {
    writeSync(this.#fd, `${text}\0`, at)
  }

  #number(at, value) {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(value)
    writeSync(this.#fd, bytes, 0, 4, at)
  }

  #read(at) {
    const bytes = Buffer.alloc(4)
    readSync(this.#fd, bytes, 0, 4, at)
    return bytes.readUInt32LE()
  }
}
