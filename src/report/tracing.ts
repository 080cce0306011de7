/**
 * `node:diagnostics_channel` tracing channels: `deferred-sweep:defer` (synchronous), `deferred-sweep:invoke` and
 * `deferred-sweep:sweep` (asynchronous). Subscribers get each event with its context object.
 */
import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel';

/** Context of `deferred-sweep:invoke`, published in the owner or the process that sweeps, not in the runner. */
export interface InvokeTrace {
  readonly path: string;
  readonly name: string;
  readonly attempt: number;
}

export const deferChannel: TracingChannel<object, { readonly path: string; readonly name: string }> =
  tracingChannel('deferred-sweep:defer');
/** Of sweeps; `result` is the report. */
export const sweepChannel: TracingChannel<object, { readonly directory: string }> =
  tracingChannel('deferred-sweep:sweep');
const invoke = tracingChannel<object, InvokeTrace & { error?: unknown }>('deferred-sweep:invoke');

/** Publishes that a function starts; call what it returns when the function ended. */
export function traceInvoke(trace: InvokeTrace): (error: unknown) => void {
  const context: InvokeTrace & { error?: unknown; result?: unknown } = { ...trace };
  invoke.start.publish(context);
  invoke.end.publish(context);
  return error => {
    if (error !== undefined) {
      context.error = error;
      invoke.error.publish(context);
    }
    invoke.asyncStart.publish(context);
    invoke.asyncEnd.publish(context);
  };
}
