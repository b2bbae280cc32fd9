// Which sessions were read already: a line is written twice where its writer died before it had removed the session, and the next one
// may come much later. Remembers at least the last million sessions, in 32 MiB at most; one that comes again after more than that counts
// twice. A session is a 64-bit number made of its text: that two of a million have the same happens once in thirty million ledgers.

const FIRST_SLOTS = 2 ** 12
const MOST_SLOTS = 2 ** 21
const WORDS = 2

class Table {
  #words = new Uint32Array(FIRST_SLOTS * WORDS)
  #count = 0

  get full(): boolean {
    return this.#count >= MOST_SLOTS / 2
  }

  has(high: number, low: number): boolean {
    return this.#words[this.#slotOf(high, low)] !== 0
  }

  add(high: number, low: number): void {
    if (this.#count * 2 * WORDS >= this.#words.length) this.#grow()
    this.#put(high, low)
    this.#count++
  }

  /** Where it is, or where it is to be put. */
  #slotOf(high: number, low: number): number {
    const words = this.#words
    let slot = (low * WORDS) % words.length
    while (words[slot] !== 0 && (words[slot] !== high || words[slot + 1] !== low))
      slot = (slot + WORDS) % words.length
    return slot
  }

  #put(high: number, low: number): void {
    const slot = this.#slotOf(high, low)
    this.#words[slot] = high
    this.#words[slot + 1] = low
  }

  #grow(): void {
    const before = this.#words
    this.#words = new Uint32Array(before.length * 2)
    for (let slot = 0; slot < before.length; slot += WORDS) {
      const high = before[slot] ?? 0
      if (high !== 0) this.#put(high, before[slot + 1] ?? 0)
    }
  }
}

// cyrb53 by bryc, with all 64 bits
function mixed(text: string, seed: number): [high: number, low: number] {
  let [one, other] = [0xdeadbeef ^ seed, 0x41c6ce57 ^ seed]
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    one = Math.imul(one ^ unit, 2654435761)
    other = Math.imul(other ^ unit, 1597334677)
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(other ^ (other >>> 13), 3266489909)
  other = Math.imul(other ^ (other >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909)
  return [one >>> 0 || 1, other >>> 0] // a slot that begins with 0 is empty
}

export class Seen {
  #now = new Table()
  #before: Table | undefined
  /** Of the boot that the last line was of: most are of the same. */
  #boot = ''
  #seed = 0

  /** Whether this session was read before; from now on it was. */
  again(boot: string, id: string): boolean {
    if (boot !== this.#boot) {
      this.#boot = boot
      this.#seed = mixed(boot, 0)[1]
    }
    const [high, low] = mixed(id, this.#seed)
    if (this.#now.has(high, low) || this.#before?.has(high, low)) return true
    if (this.#now.full) {
      this.#before = this.#now
      this.#now = new Table()
    }
    this.#now.add(high, low)
    return false
  }
}
