/** Many sweepers over the same orphans: each function is run once, by one of them, with few processes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type SweepReport, sweep } from '#dist/index.js';
import { encode } from '#dist/value/codec.js';
import { read } from '../helpers/calls.ts';
import { startChild } from '../helpers/child.ts';
import { commandLinePath } from '../helpers/command-line.ts';
import { type Came, putOrphans, runCrowd, startCrowd } from '../helpers/crowd.ts';
import { isFull } from '../helpers/size.ts';
import { deferOf, framesOf, headerOf, stateBase } from '../helpers/state-bytes.ts';

/** Five thousand of them take ten seconds of one core. */
const ORPHANS = Number(process.env.TORTURE_ORPHANS ?? (isFull ? 1000 : 120));

const append = encode({ kind: 'module', module: 'node:fs', export: 'appendFileSync' });
const numbered = (count: number): string[] => Array.from({ length: count }, (_, number) => `${number}`);

test('of four sweepers, cleanups and jobs that open, in loops while owners are killed, none loses a function, runs it twice or early', {
  timeout: 120_000,
}, async t => {
  // The torture's part `crowd` does this with a thousand orphans.
  const { lost, twice, early, left, misreported, ...figures } = await runCrowd(t, {
    orphans: isFull ? 100 : 30,
    registrations: isFull ? [30, 30, 30, 30, 30] : [20, 20, 20],
  });
  t.diagnostic(JSON.stringify(figures));
  assert.deepEqual(
    { lost, twice, early, left, misreported },
    {
      lost: [],
      twice: [],
      early: [],
      left: [],
      misreported: [],
    },
  );
});

test('forty functions that fail use one attempt each under three sweepers at the same time', async t => {
  const { base, put } = stateBase(t);
  const module = `data:text/javascript,${encodeURIComponent('export function fail() { throw new Error("no"); }')}`;
  for (const number of numbered(40)) {
    const record = deferOf(1, [], {
      function: encode({ kind: 'module', module, export: 'fail' }),
      retryDelayMs: 60_000,
    });
    put(Buffer.concat(framesOf(headerOf(), record)), `func${number.padStart(6, '0')}`);
  }
  const plan = JSON.stringify({ verb: 'sweep', base, waits: true });
  const sweepers = Array.from({ length: 3 }, () => startChild(t, 'job-sweeper', { args: [plan] }));
  for (const sweeper of sweepers) assert.equal(await sweeper.next(), 'ready');
  const reports = await Promise.all(sweepers.map(sweeper => sweeper.ask<SweepReport>('go')));
  const functions = reports.flatMap(({ files }) => files.flatMap(file => file.functions));
  assert.deepEqual(
    functions.map(one => `${one.outcome} ${one.attempt}`),
    numbered(40).map(() => 'failed 1'),
  );
  const after = await sweep(base, { logger: null });
  assert.deepEqual([after.failed, after.pending, after.files.length], [0, 40, 40]);
});

test(`${ORPHANS} orphans are swept by a process that may have 64 descriptors`, { timeout: 120_000 }, t => {
  const { base, ledger, directory } = putOrphans(t, ORPHANS);
  const run = `ulimit -n 64; exec "$0" "$@"`;
  const args = ['-c', run, process.execPath, commandLinePath, 'sweep', '--json', base];
  const { status, stdout, stderr } = spawnSync('sh', args, { encoding: 'utf8', maxBuffer: 2 ** 30 });
  assert.equal(status, 0, stderr);
  assert.equal((JSON.parse(stdout) as SweepReport).ok, ORPHANS);
  assert.deepEqual(
    read(ledger).sort((a, b) => Number(a) - Number(b)),
    numbered(ORPHANS),
  );
  assert.deepEqual(readdirSync(directory), []);
});

test('fifty jobs that open at the same time over one orphan start at most three runners', async t => {
  const { base, put } = stateBase(t);
  const [ledger, pids, hook] = ['ledger', 'pids', 'hook.cjs'].map(name => join(base, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(
    hook,
    `if (process.argv[1]?.endsWith('runner/main.js'))
       require('node:fs').appendFileSync(${JSON.stringify(pids)}, process.pid + '\\n');`,
  );
  const record = deferOf(1, [ledger, 'ran\n'], { function: append });
  put(Buffer.concat(framesOf(headerOf({ execArgv: ['--require', hook] }), record)));
  const crowd = await startCrowd(t, base, ...numbered(10).map(() => 'open'));
  for (const child of crowd) child.send('go');
  await Promise.all(crowd.map(child => child.ask<Came>('stop')));
  await sweep(base, { logger: null, waitMs: 30_000 });
  assert.deepEqual(read(ledger), ['ran']);
  const runners = read(pids).length;
  t.diagnostic(`${runners} runners`);
  assert.ok(runners >= 1 && runners <= 3, `${runners} runners`);
});
