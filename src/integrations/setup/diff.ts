// What changed from one text to another, line by line, as diff -u shows it.
const CONTEXT = 3

type Line = { mark: ' ' | '-' | '+'; text: string }

/** The lengths of the longest common subsequences of all tails. */
function tails(before: readonly string[], after: readonly string[]): number[][] {
  const table = Array.from({ length: before.length + 1 }, () => new Array<number>(after.length + 1).fill(0))
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--) {
      const [row, below] = [table[i] as number[], table[i + 1] as number[]]
      row[j] = before[i] === after[j] ? (below[j + 1] ?? 0) + 1 : Math.max(below[j] ?? 0, row[j + 1] ?? 0)
    }
  return table
}

function lines(before: readonly string[], after: readonly string[]): Line[] {
  const table = tails(before, after)
  const result: Line[] = []
  let [i, j] = [0, 0]
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      result.push({ mark: ' ', text: before[i++] as string })
      j++
    } else if (
      j >= after.length ||
      (i < before.length && (table[i + 1]?.[j] ?? 0) >= (table[i]?.[j + 1] ?? 0))
    )
      result.push({ mark: '-', text: before[i++] as string })
    else result.push({ mark: '+', text: after[j++] as string })
  }
  return result
}

const split = (text: string) => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))

/** Empty where nothing changed; gaps between changes are shown as `@@`. */
export function diff(before: string, after: string): string {
  if (before === after) return ''
  const all = lines(split(before), split(after))
  const near = all.map((_, at) =>
    all.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(({ mark }) => mark !== ' '),
  )
  return all
    .flatMap(({ mark, text }, at) => {
      if (!near[at]) return []
      return at > 0 && !near[at - 1] ? ['@@', mark + text] : [mark + text]
    })
    .join('\n')
}
