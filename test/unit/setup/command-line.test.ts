// Command lines as one string.
import { describe, expect, test } from 'vitest'
import { joinWords, splitWords } from '../../../src/integrations/agents/command-line.js'

describe('a command line', () => {
  test.for([
    ['npx -y pkg@^1.0', ['npx', '-y', 'pkg@^1.0']],
    [' a  "b c"\td\'e f\'g "" \\" ', ['a', 'b c', 'de fg', '', '"']],
    ['"say \\"hi\\" \\\\"', ['say "hi" \\']],
  ] as const)('%j has its words', ([text, words]) => {
    expect(splitWords(text, 'x')).toEqual(words)
  })

  test.for([[['a', 'b c', '', '"', "it's", '\\', '$HOME']], [['/usr/bin/node', '--x=1']]] as const)(
    'of %j is split into the same words again',
    ([words]) => {
      expect(splitWords(joinWords(words), 'x')).toEqual(words)
    },
  )

  test.for(['"a', "b 'c", 'a"b c'])('that does not end is refused: %s', (text) => {
    expect(() => splitWords(text, 'agents.x')).toThrow(/^agents\.x: expected a closing quote/)
  })
})
