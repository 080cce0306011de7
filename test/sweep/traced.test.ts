/** The tracing channels, as docs/observability.md has them. */
import assert from 'node:assert/strict';
import { type TracingChannelSubscribers, tracingChannel } from 'node:diagnostics_channel';
import { promises, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DeferredFunctionManager, sweep } from '#dist/index.js';
import { ReportBook } from '#dist/sweep/report-book.js';
import { baseOfKilledWorker, packageRoot } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';

type Seen = [event: string, context: Record<string, unknown>];

/** Notes every event of a channel until the test ends. */
function listen(t: TestContext, name: string): Seen[] {
  const seen: Seen[] = [];
  const note = (event: string) => (context: unknown) => {
    seen.push([event, context as Record<string, unknown>]);
  };
  const subscribers = Object.fromEntries(
    ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map(event => [event, note(event)]),
  ) as unknown as TracingChannelSubscribers<object>;
  const channel = tracingChannel<object>(name);
  channel.subscribe(subscribers);
  t.after(() => channel.unsubscribe(subscribers));
  return seen;
}

/** The fields that the page lists for a channel. */
function documentedFields(channel: string): string[] {
  const page = readFileSync(join(packageRoot, 'docs/observability.md'), 'utf8');
  const section = page.split(`### ${channel}\n`)[1]?.split('\n#')[0] ?? assert.fail(`no section ${channel}`);
  return [...section.matchAll(/^\| `(\w+)`/gm)].map(([, field]) => field ?? '').sort();
}

const fieldsOf = (seen: Seen[]): string[] =>
  [...new Set(seen.flatMap(([, context]) => Object.keys(context)))].sort();

test('a registration is told with its file and name', async t => {
  const seen = listen(t, 'deferred-sweep:defer');
  const base = freshDirectory(t);
  const job = await new DeferredFunctionManager(base).open();
  job.defer(promises.rm, join(base, 'a'), { force: true });
  assert.deepEqual(
    seen.map(([event]) => event),
    ['start', 'end'],
  );
  assert.deepEqual([seen[0]![1].path, seen[0]![1].name], [job.path, 'rm']);
  await job.close();
  assert.deepEqual(
    fieldsOf(seen),
    documentedFields('deferred-sweep:defer').filter(field => field !== 'error'),
  );
});

test('an orphan’s function is told with its attempt, where the sweep is, and one that fails with its error', async t => {
  const base = baseOfKilledWorker(t, `job.defer(promises.rmdir, base + '/not-there');`);
  const calls = listen(t, 'deferred-sweep:invoke');
  const sweeps = listen(t, 'deferred-sweep:sweep');
  const report = await sweep(base, { logger: null });
  assert.deepEqual(
    calls.map(([event]) => event),
    ['start', 'end', 'error', 'asyncStart', 'asyncEnd'],
  );
  assert.equal(new Set(calls.map(([, context]) => context)).size, 1, 'one context object from start to end');
  const [, { name, attempt, error }] = calls.at(-1)!;
  assert.deepEqual([name, attempt, (error as { code?: string }).code], ['rmdir', 1, 'ENOENT']);
  assert.deepEqual(fieldsOf(calls), documentedFields('deferred-sweep:invoke'));
  assert.equal(sweeps.at(-1)?.[1].result, report);
  assert.deepEqual(
    fieldsOf(sweeps),
    documentedFields('deferred-sweep:sweep').filter(field => field !== 'error'),
  );
});

test('a function that another sweep finished has an end in the trace', t => {
  const seen = listen(t, 'deferred-sweep:invoke');
  const book = new ReportBook();
  const path = join(freshDirectory(t), 'func');
  const report = { path, outcome: 'ran', functions: [], isRetired: false, pending: 1 } as const;
  book.handOver(path, report, 'an inode');
  book.hear(path, { kind: 'start', file: 'func', id: 1, name: 'rm', attempt: 1, timeoutMs: 0, isLast: true });
  book.vanished(path);
  assert.deepEqual(
    seen.map(([event]) => event),
    ['start', 'end', 'asyncStart', 'asyncEnd'],
  );
});
