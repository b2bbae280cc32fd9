// Many endings at once: all are carried through, and only then is told which failed.

/** The results of all of `work`. @throws AggregateError of what failed, when all have settled; `describe` words it. */
export async function settleAll<Result>(
  work: Promise<Result>[],
  describe: (errors: unknown[]) => string,
): Promise<Result[]> {
  const settled = await Promise.allSettled(work)
  const errors = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  if (errors.length > 0) throw new AggregateError(errors, describe(errors))
  return settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
}
