// What a child process of Node's writes: when it has ended, Node throws away what nobody has read by then.
import type { Readable } from 'node:stream'
import { OutputStream } from '../output-stream.js'

export class Relay extends OutputStream {
  readonly #source: Readable

  constructor(source: Readable) {
    super({ readable: true, writable: false, allowHalfOpen: true })
    this.#source = source
    source.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) source.pause()
    })
    source.once('error', (error) => this.destroy(error))
    // One in which nothing was written closes by itself as soon as its other end is closed
    if (source.closed) this.push(null)
    else source.once('close', () => this.push(null))
    this.once('close', () => source.destroy())
  }

  override _read(): void {
    this.#source?.resume() // not yet when Socket's constructor asks
  }
}
