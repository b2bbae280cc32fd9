// corral/metrics: the numbers of a Corral for prom-client and for OpenTelemetry.
export { type OtelMeter, toOpenTelemetry } from './open-telemetry.js'
export type { MetricsOptions } from './options.js'
export { type PromRegistry, toPromClient } from './prom-client.js'
