// The text format of Prometheus, 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).
import {
  INSTRUMENT_NAMES,
  INSTRUMENTS,
  type Labels,
  type Measurement,
  prometheusName,
} from './instruments.js'

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')

function labelled(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`,
  )
  return pairs.length > 0 ? `{${pairs.join(',')}}` : ''
}

/** With a newline at its end; without what has no value. */
export function exposition(measurements: readonly Measurement[]): string {
  const lines = INSTRUMENT_NAMES.flatMap((short) => {
    const own = measurements.filter(({ name }) => name === short)
    if (own.length === 0) return []
    const name = prometheusName(short, INSTRUMENTS[short])
    return [
      `# HELP ${name} ${escaped(INSTRUMENTS[short].help)}`,
      `# TYPE ${name} ${INSTRUMENTS[short].kind}`,
      ...own.map(({ labels, value }) => `${name}${labelled(labels)} ${value}`),
    ]
  })
  return `${lines.join('\n')}\n`
}
