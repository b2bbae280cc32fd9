// Many endings at once: all are carried through, and only then is told which failed.

const NAMED = 5

/** The results of all of `work`. @throws AggregateError of what failed, when all have settled; `describe` words it from the first few. */
export async function settleAll<Result>(
  work: Promise<Result>[],
  describe: (failures: string, count: number) => string,
): Promise<Result[]> {
  const settled = await Promise.allSettled(work)
  const errors = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  if (errors.length > 0) throw new AggregateError(errors, describe(wordsOf(errors), errors.length))
  return settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
}

function wordsOf(errors: unknown[]): string {
  const words = errors
    .slice(0, NAMED)
    .map((error) => (error instanceof Error ? error.message : String(error)))
  return errors.length > NAMED ? `${words.join('; ')}; and ${errors.length - NAMED} more` : words.join('; ')
}
