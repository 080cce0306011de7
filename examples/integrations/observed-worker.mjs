/** A worker whose spans and counters are printed: node observed-worker.mjs BASE */
import { promises } from 'node:fs';
import { join } from 'node:path';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { DeferredFunctionManager } from 'deferred-sweep';
import { instrument } from './opentelemetry.mjs';

const base = process.argv[2];
const spanExporter = new InMemorySpanExporter();
const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spanExporter)] });
const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const meters = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] });
instrument(tracers.getTracer('worker'), meters.getMeter('worker'));

const manager = new DeferredFunctionManager(base, { logger: null });
await manager.run(async defer => {
  defer(promises.writeFile, join(base, 'written'), '');
  defer(promises.rmdir, join(base, 'not-there'));
});

await meters.forceFlush();
const spans = spanExporter.getFinishedSpans().map(({ name, status, attributes, ended }) => {
  return { name, status: status.code, attributes, ended };
});
const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics[0].metrics);
const counters = metrics.map(({ descriptor, dataPoints }) => {
  return {
    name: descriptor.name,
    points: dataPoints.map(({ value, attributes }) => ({ value, ...attributes })),
  };
});
console.log(JSON.stringify({ spans, counters }));
await meters.shutdown();
