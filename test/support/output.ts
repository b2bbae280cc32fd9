// What a child writes.
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'

/** All of a stream, up to its end. */
export async function output(stream: Readable | null): Promise<string> {
  if (!stream) throw new Error('there is no stream')
  return text(stream)
}
