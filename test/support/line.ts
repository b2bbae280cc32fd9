// Waiting for a line that a program prints, with what it printed instead when it does not.
import type { Readable } from 'node:stream'
import { SLOWNESS } from './eventually.js'

/** Resolves with the first line that fits. The stream keeps flowing, so that its writer is never blocked. */
export function line(stream: Readable, pattern: RegExp, withinMs = 20_000): Promise<string> {
  const bound = withinMs * SLOWNESS
  return new Promise((resolve, reject) => {
    let text = ''
    const over = (why: string) => {
      stop()
      reject(new Error(`no line ${pattern} ${why}; printed: ${JSON.stringify(text.slice(-2000))}`))
    }
    const read = (chunk: Buffer | string) => {
      text += chunk.toString()
      const found = text
        .split('\n')
        .slice(0, -1)
        .find((candidate) => pattern.test(candidate))
      if (found === undefined) return
      stop()
      resolve(found)
    }
    const ended = () => over('before the end')
    const late = AbortSignal.timeout(bound)
    const isLate = () => over(`within ${bound} ms`)
    const stop = () => {
      late.removeEventListener('abort', isLate)
      stream.off('data', read).off('end', ended).off('close', ended)
      stream.resume()
    }
    late.addEventListener('abort', isLate)
    stream.on('data', read).on('end', ended).on('close', ended)
  })
}
