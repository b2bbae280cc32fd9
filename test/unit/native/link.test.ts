// A lifeline at its end, as who listens to it hears that.
import { expect, test } from 'vitest'
import { loadNative } from '../../../src/native/addon.js'

const native = loadNative()

test('what the other side said last is heard, also when it did not hear all that was said to it', async () => {
  const [link, other] = native.openLink()
  native.send(other, 12, 7, 0, 0, -1)
  native.send(other, 12, 8, 0, 0, -1)
  native.send(link, 5, 0, 0, 0, -1)
  native.close(other)
  const heard = [await native.receive(link), await native.receive(link), await native.receive(link)]
  native.dropLink(link)
  expect(heard.map((message) => message?.id)).toEqual([7, 8, undefined])
})
