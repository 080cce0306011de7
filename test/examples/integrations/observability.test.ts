/** What docs/observability.md promises, checked with OpenTelemetry's in-memory exporters, pino and winston. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../helpers/command-line.ts';
import { freshDirectory } from '../../helpers/fresh-directory.ts';
import { createStage, skipExamples } from './running.ts';

interface Exported {
  spans: { name: string; status: number; attributes: Record<string, unknown>; ended: boolean }[];
  counters: { name: string; points: Record<string, unknown>[] }[];
}

test('each function and each sweep becomes a span that ends, and each registration and call is counted', {
  skip: skipExamples,
}, async t => {
  const worker = createStage(t).start('observed-worker.mjs', [freshDirectory(t)]);
  const [line] = await worker.says(/^\{.*\}$/);
  const { spans, counters } = JSON.parse(line) as Exported;
  assert.ok(spans.every(span => span.ended));
  assert.deepEqual(
    spans.map(({ name, status }) => [name, status]),
    [
      ['deferred-sweep sweep', 0],
      ['deferred writeFile', 0],
      ['deferred rmdir', 2],
      ['deferred-sweep sweep', 0],
    ],
  );
  assert.deepEqual([spans[2]?.attributes.attempt, spans[0]?.attributes.failed], [1, 0]);
  assert.deepEqual(Object.fromEntries(counters.map(({ name, points }) => [name, points])), {
    'deferred_sweep.registrations': [
      { value: 1, name: 'writeFile', failed: false },
      { value: 1, name: 'rmdir', failed: false },
    ],
    'deferred_sweep.calls': [
      { value: 1, name: 'writeFile', failed: false },
      { value: 1, name: 'rmdir', failed: true },
    ],
    'deferred_sweep.swept_files': [{ value: 0 }],
  });
});

const warning = /deferred-sweep: rmdir failed in attempt 1, to be tried again: ENOENT/;
const forms: Record<string, RegExp> = {
  console: /^deferred-sweep: rmdir failed/,
  pino: /^\{"level":40,.*"msg":"deferred-sweep: rmdir failed/,
  winston: /^\{"level":"warn","message":"deferred-sweep: rmdir failed/,
};
for (const [name, form] of Object.entries(forms))
  test(`${name} is a logger as it is`, { skip: skipExamples }, async t => {
    const worker = createStage(t).start('loggers.mjs', [name, freshDirectory(t)]);
    assert.match((await worker.says(form)).input, warning);
  });

test('the page has the instrumentation as it was run', () => {
  const page = readFileSync(join(packageRoot, 'docs/observability.md'), 'utf8');
  assert.ok(
    page.includes(readFileSync(join(packageRoot, 'examples/integrations/opentelemetry.mjs'), 'utf8')),
  );
});
