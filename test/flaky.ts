// The tests that are known to fail on time alone when the machine is busy: those whose programs take all processors. Each of
// them has three tries; vitest prints a retry beside its name. A name leaves the list with its mending.
export const FLAKY: readonly RegExp[] = [/fork bomb/, /five thousand processes/, /a gigabyte of dirty memory/]
