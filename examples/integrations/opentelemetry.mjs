/** Spans and counters of OpenTelemetry from the tracing channels of this package. Copy it into a program. */
import { tracingChannel } from 'node:diagnostics_channel';
import { SpanStatusCode } from '@opentelemetry/api';

/** Subscribes; returns a function that ends that. Spans of functions begin and end in the process that sweeps. */
export function instrument(tracer, meter) {
  const registrations = meter.createCounter('deferred_sweep.registrations');
  const calls = meter.createCounter('deferred_sweep.calls');
  const swept = meter.createCounter('deferred_sweep.swept_files');
  const spans = new WeakMap(); // the context object of an event is the same from start to end

  const begin = (event, name, attributes) => spans.set(event, tracer.startSpan(name, { attributes }));
  const end = (event, attributes = {}) => {
    const span = spans.get(event);
    span.setAttributes(attributes);
    if (event.error !== undefined) {
      span.recordException(event.error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: event.error.message });
    }
    span.end();
  };

  const ends = [
    subscribe('deferred-sweep:defer', {
      end: ({ name, error }) => registrations.add(1, { name, failed: error !== undefined }),
    }),
    subscribe('deferred-sweep:invoke', {
      start: event =>
        begin(event, `deferred ${event.name}`, { attempt: event.attempt, 'file.path': event.path }),
      asyncEnd(event) {
        calls.add(1, { name: event.name, failed: event.error !== undefined });
        end(event);
      },
    }),
    subscribe('deferred-sweep:sweep', {
      start: event => begin(event, 'deferred-sweep sweep', { 'file.directory': event.directory }),
      asyncEnd(event) {
        const { files = [], ok = 0, failed = 0, pending = 0 } = event.result ?? {};
        swept.add(files.length);
        end(event, { ok, failed, pending });
      },
    }),
  ];
  return () => {
    for (const each of ends) each();
  };
}

function subscribe(name, handlers) {
  const channel = tracingChannel(name);
  channel.subscribe(handlers);
  return () => channel.unsubscribe(handlers);
}
