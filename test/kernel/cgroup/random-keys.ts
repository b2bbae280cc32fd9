// Random session keys, the same in every run: short and long ones, of letters and of what is special in names.

// mulberry32: small, and good enough to make texts
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const PIECES = [
  ...'abzAZ019:_@+,-',
  ...'./\\%= \n\r\t\0\u007f\u0080é\u0308ü€\ufeff\ufffd🐎',
  ...['..', '%2F', '%41', '%', 'agent', 'tasks', 'cgroup.procs', '=0'],
]

/** Up to `count` keys (doubles left out) of 1 to 4,096 bytes. */
export function randomKeys(count: number, seed = 20_260_101): string[] {
  const random = generator(seed)
  const keys = new Set<string>()
  for (let made = 0; made < count; made++) {
    const pieces = 1 + random([4, 20, 90, 1200][random(4)] ?? 4)
    let key = ''
    for (let i = 0; i < pieces; i++) {
      // Half of the pieces from the few that can be confused with one another
      const piece = PIECES[random(2) === 0 ? random(PIECES.length) : PIECES.length - 1 - random(8)] ?? ''
      if (Buffer.byteLength(key + piece) <= 4096) key += piece
    }
    keys.add(key)
  }
  return [...keys]
}
