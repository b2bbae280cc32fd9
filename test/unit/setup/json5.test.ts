// Reading JSON5, and changing one value of it without touching any other byte.
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../../src/index.js'
import { valueAt, withValue } from '../../../src/integrations/setup/edit.js'
import { parseJson5, plainValue } from '../../../src/integrations/setup/json5.js'

const FILE = '/etc/gateway.json'
const read = (text: string) => plainValue(parseJson5(text, FILE).root)

describe('JSON5', () => {
  test.for([
    ['{"a": [1, -2.5e3, true, false, null, "x"]}', { a: [1, -2500, true, false, null, 'x'] }],
    ["{a: 'it\\'s', $b_1: .5, 'c d': 0xFF, e: +1., f: 5.}", { a: "it's", $b_1: 0.5, 'c d': 255, e: 1, f: 5 }],
    ['// top\n{ /* in */ a: 1, // end\n }\n/* last */', { a: 1 }],
    ['[1, 2,]', [1, 2]],
    ['"a\\u00e4\\x41\\n\\\nb"', 'aäA\nb'],
    ['{ключ: {}, "": []}', { ключ: {}, '': [] }],
    ['\uFEFF{}', {}],
    ['[Infinity, -Infinity]', [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
  ] as const)('reads %s', ([text, value]) => {
    expect(read(text)).toEqual(value)
  })

  test('takes __proto__ as any key', () => {
    expect(Object.keys(read('{"__proto__": {"a": 1}}') as object)).toEqual(['__proto__'])
  })

  test.for([
    ['', '1:1: Unexpected end of input'],
    ['{', '1:1: Unexpected token LBrace'],
    ['{\n  "a": 1\n  "b": 2\n}', '3:3: Unexpected token String'],
    ['{"a" 1}', '1:6: Unexpected token Number'],
    ['{"a": 1,\n"a": 2}', "2: duplicate key 'a'"],
    ['{"a": tru}', '1:7: Unexpected token Identifier'],
    ['{} {}', '1:4: Unexpected token LBrace'],
    ['{} /* x', '1:8: Unexpected end of input'],
    ['{1: 2}', '1:2: Unexpected token Number'],
    ['"\\u12"', "1:5: Unexpected character '\"'"],
  ] as const)('refuses %j, naming the place', ([text, message]) => {
    expect(() => read(text)).toThrow(ConfigError)
    expect(() => read(text)).toThrow(`${FILE}:${message}`)
  })
})

describe('a change', () => {
  test.for([
    ['of a value', '{ a: 1, b: [2] } // x', ['b'], 3, '{ a: 1, b: 3 } // x'],
    ['in an empty file', '{}\n', ['a', 'b'], 1, '{\n  "a": {\n    "b": 1\n  }\n}\n'],
    ['on one line', '{"a":1}', ['b'], [2], '{"a":1, "b": [2]}'],
    ['without a comma', '{\n\t"a": 1\n}\n', ['b'], 2, '{\n\t"a": 1,\n\t"b": 2\n}\n'],
    ['after a comma', '{\n  a: 1,\n}\n', ['b'], 2, '{\n  a: 1,\n  "b": 2,\n}\n'],
    [
      'behind comments of the line',
      '{\n  a: 1 /* one */, // two\n  // three\n}\n',
      ['b'],
      2,
      '{\n  a: 1 /* one */, // two\n  "b": 2,\n  // three\n}\n',
    ],
    [
      'behind a comment of a line without a comma',
      '{\n  a: 1 // one\n}\n',
      ['b'],
      2,
      '{\n  a: 1, // one\n  "b": 2\n}\n',
    ],
    [
      'in an object with nothing but a comment',
      '{\n  a: {\n    // none\n  }\n}',
      ['a', 'b'],
      1,
      '{\n  a: {\n    // none\n    "b": 1\n  }\n}',
    ],
    [
      'deep down',
      '{\n  a: {\n    b: {}\n  }\n}',
      ['a', 'b', 'c'],
      [1],
      '{\n  a: {\n    b: {\n      "c": [\n        1\n      ]\n    }\n  }\n}',
    ],
  ] as const)('%s keeps all else', ([, before, path, value, after]) => {
    expect(withValue(before, path, value, FILE)).toBe(after)
    expect(valueAt(after, path, FILE)).toEqual(value)
  })

  test('that would lose a comment is refused, naming its line', () => {
    expect(() => withValue('{\n  a: [\n    1, // why\n  ]\n}', ['a'], 2, FILE)).toThrow(
      `${FILE}:3: a comment in a would be lost`,
    )
  })

  test('below what is no object is refused', () => {
    expect(() => withValue('{ a: [] }', ['a', 'b'], 2, FILE)).toThrow(`${FILE}:1: expected a to be an object`)
  })
})
