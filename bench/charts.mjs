// Draws the charts of docs/charts, and writes docs/escape.md, from the figures in bench/results. Measures nothing.
//
//   node bench/charts.mjs

import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as Plot from '@observablehq/plot'
import { COLORS, chart, lines } from './chart.mjs'
import { escapePage } from './escape-page.mjs'
import { pointsOf, pointsOfFigures, readEscape, readResult } from './results.mjs'

const CHARTS = fileURLToPath(new URL('../docs/charts/', import.meta.url))
export const ESCAPE_PAGE = fileURLToPath(new URL('../docs/escape.md', import.meta.url))
const SPREAD = 'Median, and 5th to 95th percentile'

function spawn() {
  const result = readResult('spawn')
  const points = pointsOf(result, 'how long one spawn blocks the event loop')
  return chart({
    result,
    title: 'How long one spawn blocks the event loop',
    subtitle: `${SPREAD}, by the live buffers that the gateway holds`,
    options: lines({
      points,
      x: 'live buffers, MiB',
      y: 'ms',
      series: {
        'child_process.spawn': { of: 'child_process.spawn', color: COLORS.peer },
        'corral.spawn': { of: 'corral.spawn', color: COLORS.corral },
      },
    }),
  })
}

function kill() {
  const result = readResult('kill')
  return chart({
    result,
    title: 'From close() until every process is gone',
    subtitle: `${SPREAD}, until the session's directory is removed`,
    options: lines({
      points: pointsOf(result, 'from the call to all gone and removed'),
      x: 'processes in the session',
      y: 'ms',
      series: {
        'tree-kill': { of: 'tree-kill', color: COLORS.peer },
        'close()': { of: 'corral', color: COLORS.corral },
        'the least, in C': { of: 'floor', color: COLORS.floor },
      },
    }),
  })
}

function crash() {
  const result = readResult('crash')
  return chart({
    result,
    title: 'How long sessions outlive a gateway that gets SIGKILL',
    subtitle: `${SPREAD}, until the last process is gone; sessions of 4 processes each`,
    options: lines({
      points: pointsOfFigures(result),
      x: 'sessions',
      y: 'ms',
      series: {
        'a look each second': { of: 'poller: all gone', color: COLORS.peer },
        "Corral's guard": { of: 'corral: all gone', color: COLORS.corral },
        '(the gateway itself)': { of: 'corral: gateway dead', color: COLORS.floor },
      },
    }),
  })
}

function sweep() {
  const result = readResult('sweep')
  return chart({
    result,
    title: 'sweep() of the sessions of a dead gateway',
    subtitle: `${SPREAD}, until all are gone and removed; sessions of one process each`,
    options: lines({
      points: pointsOf(result, 'from the call to all gone and removed'),
      x: 'dead sessions',
      y: 'ms',
      series: {
        'sweep()': { of: 'corral', color: COLORS.corral },
        'the least, in C': { of: 'floor', color: COLORS.floor },
      },
    }),
  })
}

function escapes() {
  const result = readEscape()
  const { ways, cancelled, complete } = result.figures
  const situations = {
    'ended while its leader is there': cancelled,
    'ended after its leader has left': complete,
  }
  const bars = Object.entries(situations).flatMap(([situation, cells]) =>
    ways.map(({ name }) => {
      const tried = Object.values(cells)
        .map((row) => row[name])
        .filter((cell) => cell !== undefined && cell.obstacle === undefined)
      const outlived = tried.filter(({ survivors }) => survivors > 0).length
      return { situation, name, outlived, text: `${outlived} of ${tried.length}` }
    }),
  )
  return chart({
    result,
    title: 'Who outlives what',
    subtitle: `Of ${Object.keys(cancelled).length} programs that try to outlive their session, how many do, by the way to end it`,
    options: {
      height: 60 + 26 * ways.length,
      marginLeft: 150,
      marginRight: 30,
      marginTop: 30,
      marginBottom: 40,
      x: {
        label: 'programs',
        labelAnchor: 'center',
        labelArrow: 'none',
        labelOffset: 34,
        grid: true,
        ticks: 4,
        insetRight: 44,
      },
      y: { label: null, domain: ways.map(({ name }) => name), tickSize: 0 },
      fx: { label: null, domain: Object.keys(situations), padding: 0.08 },
      color: { type: 'identity' },
      marks: [
        Plot.barX(bars, {
          x: 'outlived',
          y: 'name',
          fx: 'situation',
          fill: ({ name }) => (name === 'Corral' ? COLORS.corral : COLORS.peer),
          insetTop: 3,
          insetBottom: 3,
        }),
        Plot.text(bars, {
          x: 'outlived',
          y: 'name',
          fx: 'situation',
          text: 'text',
          textAnchor: 'start',
          dx: 6,
          fill: 'currentColor',
        }),
        Plot.ruleX([0]),
      ],
    },
  })
}

/** File name → what draws it. */
export const charts = { spawn, kill, crash, sweep, escape: escapes }

export function chartFile(name) {
  return `${CHARTS}${name}.svg`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(CHARTS, { recursive: true })
  for (const [name, draw] of Object.entries(charts)) writeFileSync(chartFile(name), draw())
  writeFileSync(ESCAPE_PAGE, escapePage(readEscape()))
  console.log(`${Object.keys(charts).length} charts in ${CHARTS}, and ${ESCAPE_PAGE}`)
}
