import { SpanStatusCode } from '@opentelemetry/api'

/** As corral.spawn(options), with a span that is as long as the session. */
export async function spawnTraced(corral, tracer, options) {
  const span = tracer.startSpan(`session ${options.command}`)
  const failed = (error) => {
    span.recordException(error)
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.message }).end()
  }
  try {
    const session = await corral.spawn(options)
    span.setAttributes({ 'corral.session.key': session.key, 'process.pid': session.process.pid })
    session.closed.then(({ reason }) => span.setAttribute('corral.session.reason', reason).end(), failed)
    return session
  } catch (error) {
    failed(error)
    throw error
  }
}
