// What a child process of Node's writes once it has ended and before anybody has asked for it, which Node throws away.
import type { Readable } from 'node:stream'
import { OutputStream, UNREAD_BYTES } from '../output-stream.js'

export class Relay extends OutputStream {
  readonly #source: Readable

  constructor(source: Readable) {
    super({ readable: true, writable: false, allowHalfOpen: true })
    this.#source = source
    this.keep(UNREAD_BYTES)
    source.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) source.pause()
    })
    source.once('close', () => this.push(null))
  }

  override _read(): void {
    this.#source?.resume() // not yet when Socket's constructor asks
  }
}
