// The tests that are known to fail on time alone when the machine is busy: none. Each named here would have three tries; vitest
// prints a retry beside its name.
export const FLAKY: readonly RegExp[] = []
