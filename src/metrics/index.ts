// corral/metrics: the numbers of a Corral for prom-client and for OpenTelemetry.
export { toOpenTelemetry } from './open-telemetry.js'
export type { MetricsOptions } from './options.js'
export { toPromClient } from './prom-client.js'
