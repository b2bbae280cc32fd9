// What a bench asserts: each claim is one number, one limit, and one printed line that says whether it holds.

import { formatNumber } from './table.mjs'

export class Claims {
  list = []

  /** `value` must be at most `limit`. */
  atMost(subject, measure, value, limit, unit = '') {
    this.#add({ subject, measure, value, relation: '≤', limit, unit, ok: value <= limit })
  }

  /** `value` must be at least `limit`. */
  atLeast(subject, measure, value, limit, unit = '') {
    this.#add({ subject, measure, value, relation: '≥', limit, unit, ok: value >= limit })
  }

  get missed() {
    return this.list.filter((claim) => !claim.ok).length
  }

  #add(claim) {
    this.list.push(claim)
    const { subject, measure, value, relation, limit, unit, ok } = claim
    const suffix = unit === '' ? '' : ` ${unit}`
    const verdict = ok ? 'ok' : 'MISSED'
    console.log(
      `${subject}: ${measure} ${formatNumber(value)}${suffix} (claim ${relation} ${limit}${suffix}) ${verdict}`,
    )
  }
}
