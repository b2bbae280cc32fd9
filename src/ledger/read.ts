// Reads ledgers as a stream, whatever their size: what is no line of one is passed over and counted.
import { type LedgerLine, parseLine } from './line.js'
import { Seen } from './seen.js'

const FEED = 10
// Far longer than any line: what goes on without a line feed is no text
const LONGEST_BYTES = 1 << 20

export interface ReadCounts {
  /** Sessions. */
  sessions: number
  /** Lines of sessions that were read already. */
  doubles: number
  /** Lines that are none of a ledger, or were cut. */
  unreadable: number
}

export class Reader {
  readonly counts: ReadCounts = { sessions: 0, doubles: 0, unreadable: 0 }
  readonly #seen = new Seen()
  readonly #visit: (line: LedgerLine) => void

  /** `visit` gets the line of each session, once. */
  constructor(visit: (line: LedgerLine) => void) {
    this.#visit = visit
  }

  async read(chunks: AsyncIterable<Buffer>): Promise<void> {
    let rest: Buffer[] = []
    let length = 0
    for await (const chunk of chunks) {
      const last = chunk.lastIndexOf(FEED)
      if (last === -1) {
        // What is too long stays as long, so that it is counted, and not as it is
        if (length <= LONGEST_BYTES) rest.push(chunk)
        length += chunk.length
        continue
      }
      rest.push(chunk.subarray(0, last))
      this.#readLines(Buffer.concat(rest).toString())
      rest = [chunk.subarray(last + 1)]
      length = chunk.length - last - 1
    }
    this.#readLines(Buffer.concat(rest).toString())
  }

  #readLines(text: string): void {
    for (let at = 0; at < text.length; ) {
      const feed = text.indexOf('\n', at)
      const end = feed === -1 ? text.length : feed
      if (end > at) this.#readLine(text.slice(at, end))
      at = end + 1
    }
  }

  #readLine(text: string): void {
    const line = parseLine(text)
    if (!line) this.counts.unreadable++
    else if (line.boot !== null && line.id !== null && this.#seen.again(line.boot, line.id))
      this.counts.doubles++
    else {
      this.counts.sessions++
      this.#visit(line)
    }
  }
}
