/**
 * `node:diagnostics_channel` tracing channels: `deferred-sweep:defer` (synchronous), `deferred-sweep:invoke` and
 * `deferred-sweep:sweep` (asynchronous). Subscribers get each event with its context object.
 */
import { tracingChannel } from 'node:diagnostics_channel';

/** Context of `deferred-sweep:defer`. */
export interface DeferTrace {
  readonly path: string;
  readonly name: string;
}
/** Context of `deferred-sweep:invoke`, published in the owner or the process that sweeps, not in the runner. */
export interface InvokeTrace {
  readonly path: string;
  readonly name: string;
  readonly attempt: number;
}
/** Context of `deferred-sweep:sweep`; `result` is the report. */
export interface SweepTrace {
  readonly directory: string;
}

const defer = tracingChannel<object, DeferTrace>('deferred-sweep:defer');
const invoke = tracingChannel<object, InvokeTrace & { error?: unknown }>('deferred-sweep:invoke');
const sweep = tracingChannel<object, SweepTrace>('deferred-sweep:sweep');

/** Runs a registration, traced. */
export function traceDefer<T>(context: DeferTrace, body: () => T): T {
  return defer.traceSync(body, context);
}

/** Runs a sweep, traced. */
export function traceSweep<T>(context: SweepTrace, body: () => Promise<T>): Promise<T> {
  return sweep.tracePromise(body, context);
}

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
