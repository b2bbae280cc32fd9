// Medians, spread and paired comparison of samples. Medians, because a loaded machine makes outliers, not
// shifts.

/** The value below which the share `p` (0 to 1) of the samples lies, interpolated between neighbours. */
export function percentile(samples, p) {
  if (samples.length === 0) throw new Error('no samples')
  const sorted = [...samples].sort((a, b) => a - b)
  const at = (sorted.length - 1) * p
  const below = Math.floor(at)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below)
}

export function median(samples) {
  return percentile(samples, 0.5)
}

export function summarize(samples) {
  return {
    count: samples.length,
    median: median(samples),
    p5: percentile(samples, 0.05),
    p95: percentile(samples, 0.95),
    p99: percentile(samples, 0.99),
  }
}

/** Name → samples, to name → their summary. */
export function summarizeEach(samples) {
  return Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, summarize(values)]))
}

/** Median over the rounds of a ÷ b: what is compared was measured in the same round. */
export function pairedRatio(a, b) {
  return median(pairs(a, b).map(([x, y]) => x / y))
}

/** Median over the rounds of a − b. */
export function pairedDifference(a, b) {
  return median(pairs(a, b).map(([x, y]) => x - y))
}

function pairs(a, b) {
  if (a.length !== b.length) throw new Error(`not paired: ${a.length} and ${b.length} samples`)
  return a.map((value, i) => [value, b[i]])
}

/** Name → samples that are objects, to name → the numbers in one of their fields. */
export function pick(samples, field) {
  return Object.fromEntries(
    Object.entries(samples).map(([name, list]) => [name, list.map((sample) => sample[field])]),
  )
}
