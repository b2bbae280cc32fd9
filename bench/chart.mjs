// How all charts look: a card with a title, what is measured, the plot, and where the figures are from. Legible on a light
// and on a dark page, with no style of the page's.

import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'

const WIDTH = 760
const PLOT_HEIGHT = 300
const PADDING = 24
const HEAD = 72
const FOOT = 34
const MARGIN_TOP = 24
const MARGIN_BOTTOM = 44
const NAME_HEIGHT = 17
const FONT = 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif'

// Each stands out from white and from near-black.
export const COLORS = { corral: '#2f7df6', floor: '#8a94a0', peer: '#e0712c', other: '#a371f7' }

const STYLE = `
  .chart { color: #1f2328 }
  .card { fill: #ffffff; stroke: #d1d9e0 }
  .quiet { fill: #59636e }
  @media (prefers-color-scheme: dark) {
    .chart { color: #e6edf3 }
    .card { fill: #0d1117; stroke: #3d444d }
    .quiet { fill: #9198a1 }
  }
`

/**
 * An SVG text. `subtitle` says what is measured, in which unit; `options` are those of Plot.plot(); `machine` and `bench`
 * say where the figures are from.
 */
export function chart({ title, subtitle, options, result }) {
  const { document } = parseHTML('<html><body></body></html>')
  const height = options.height ?? PLOT_HEIGHT
  const plot = Plot.plot({
    document,
    width: WIDTH - 2 * PADDING,
    height,
    style: { fontFamily: FONT, fontSize: '13px', background: 'none' },
    ...options,
  })
  // For pages only: a style of its class, which some viewers of SVG do not know how to read
  for (const style of plot.querySelectorAll('style')) style.remove()
  for (const [name, value] of Object.entries({ x: PADDING, y: HEAD, 'font-family': FONT, 'font-size': 13 }))
    plot.setAttribute(name, value)
  plot.removeAttribute('class')
  plot.removeAttribute('style')
  const whole = HEAD + height + FOOT
  return `<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 ${WIDTH} ${whole}" width="${WIDTH}" height="${whole}" font-family="${escaped(FONT)}" role="img" aria-label="${escaped(`${title}: ${subtitle}`)}">
<style>${STYLE}</style>
<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${whole - 1}" rx="8"/>
<text x="${PADDING}" y="34" font-size="18" font-weight="600" fill="currentColor">${escaped(title)}</text>
<text class="quiet" x="${PADDING}" y="56" font-size="13">${escaped(subtitle)}</text>
${plot.outerHTML}
<text class="quiet" x="${PADDING}" y="${whole - 16}" font-size="11">${escaped(source(result))}</text>
</svg>
`
}

function source({ bench, machine }) {
  const { date, kernel, cpu, cores, node } = machine
  return `npm run bench:${bench} · ${date.slice(0, 10)} · ${cpu}, ${cores} cores · ${kernel} · Node ${node}`
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}

/**
 * Lines through medians, with a bar from the 5th to the 95th percentile, each with its name at its end. `series` is
 * name → { of: its subject in the points, color }.
 */
export function lines({ points, series, x, y }) {
  const drawn = Object.entries(series).flatMap(([name, { of, color }]) =>
    points.filter(({ subject }) => subject === of).map((point) => ({ ...point, name, color })),
  )
  const powers = powersOfTen(drawn.flatMap(({ p5, p95 }) => [p5, p95]))
  return {
    marginLeft: 56,
    marginRight: 165,
    marginBottom: MARGIN_BOTTOM,
    marginTop: MARGIN_TOP,
    x: { type: 'log', inset: 12 },
    y: {
      type: 'log',
      label: y,
      labelArrow: 'none',
      grid: true,
      domain: [powers[0], powers.at(-1)],
      ticks: powers,
      tickFormat: decimal,
    },
    color: { type: 'identity' },
    marks: [
      // With texts of its own: by itself, an axis of logarithms leaves out what it has no room for, and more
      Plot.axisX([...new Set(drawn.map(({ n }) => n))], {
        text: decimal,
        label: x,
        labelAnchor: 'center',
        labelArrow: 'none',
        labelOffset: 38,
      }),
      Plot.link(drawn, {
        x1: 'n',
        x2: 'n',
        y1: 'p5',
        y2: 'p95',
        stroke: 'color',
        strokeOpacity: 0.35,
        strokeWidth: 6,
      }),
      Plot.line(drawn, { x: 'n', y: 'median', z: 'name', stroke: 'color', strokeWidth: 2 }),
      Plot.dot(drawn, { x: 'n', y: 'median', fill: 'color', r: 4 }),
      ...namesAtEnds(drawn, powers),
    ],
  }
}

/** Those between which all values are. */
function powersOfTen(values) {
  const first = Math.floor(Math.log10(Math.min(...values)))
  const last = Math.ceil(Math.log10(Math.max(...values)))
  return Array.from({ length: last - first + 1 }, (_, step) => 10 ** (first + step))
}

/** Each beside the last point of its line, and below the name above it. */
function namesAtEnds(drawn, powers) {
  const perDecade = (PLOT_HEIGHT - MARGIN_TOP - MARGIN_BOTTOM) / (powers.length - 1)
  const names = [...new Set(drawn.map(({ name }) => name))]
  const ends = names.map((name) => drawn.findLast((point) => point.name === name))
  let free = Number.NEGATIVE_INFINITY
  return ends
    .toSorted((a, b) => b.n - a.n || b.median - a.median)
    .map((end, i, sorted) => {
      const own = -Math.log10(end.median) * perDecade
      const at = sorted[i - 1]?.n === end.n ? Math.max(own, free) : own
      free = at + NAME_HEIGHT
      return Plot.text([end], {
        x: 'n',
        y: 'median',
        text: 'name',
        fill: 'color',
        textAnchor: 'start',
        dx: 12,
        dy: at - own,
        fontWeight: 600,
      })
    })
}

/** 10000 as 10,000, and 0.05 as it is. */
export function decimal(value) {
  return value >= 1 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(1)))
}
