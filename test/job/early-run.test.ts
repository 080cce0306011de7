/** `registration.run()`: what it reads, and what it knows of the attempts before. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DeferredFunctionManager } from 'deferred-sweep';
import { read, register } from '../helpers/calls.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { straceMissing } from '../helpers/strace.ts';
import { freshPlace } from '../helpers/worker.ts';

const program = `
  import fs from 'node:fs';
  import { DeferredFunctionManager } from '${new URL('../../dist/index.js', import.meta.url).href}';
  const job = await new DeferredFunctionManager(process.argv[1], { logger: null }).open();
  const first = job.defer(fs.rmSync, '/nowhere/first', { force: true });
  for (let i = 0; i < 3000; i++) job.defer(fs.rmSync, '/nowhere/' + i, { force: true }).id;
  console.log(fs.statSync(job.path).size);
  fs.accessSync(process.argv[1] + '/begin');
  const { outcome } = await first.run();
  fs.accessSync(process.argv[1] + '/end');
  console.log(outcome);
  process.kill(process.pid, 'SIGKILL');
`;

test('run() of one function among thousands reads that function alone', { skip: straceMissing }, t => {
  const base = freshDirectory(t);
  mkdirSync(join(base, 'begin'));
  mkdirSync(join(base, 'end'));
  const trace = join(base, 'trace');
  const { stdout } = spawnSync(
    'strace',
    [
      ...['-f', '-qq', '-y', '-o', trace, '-e', 'trace=read,pread64,preadv,access'],
      ...[process.execPath, '--input-type=module', '-e', program, base],
    ],
    { encoding: 'utf8' },
  );
  const [size, outcome] = stdout.trim().split('\n');
  assert.equal(outcome, 'ok');
  const lines = readFileSync(trace, 'utf8').split('\n');
  const [begin, end] = ['begin', 'end'].map(name =>
    lines.findIndex(line => line.includes(`${base}/${name}"`)),
  );
  const ofFile = lines
    .slice(begin, end)
    .filter(line => line.includes('/deferred/func'))
    .map(line => Number(/= (\d+)$/.exec(line)?.[1]));
  assert.ok(ofFile.length > 0, 'the function is read from the file');
  const bytes = ofFile.reduce((sum, count) => sum + count, 0);
  assert.ok(bytes < 10_000 && Number(size) > 300_000, `${bytes} bytes of ${size} were read`);
});

test('attempts by run() add up, and none is made when none is left', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null, retryDelayMs: 0, maxAttempts: 2 });
  const job = await manager.open();
  const failing = register(job, { do: 'throw', text: 'tried', message: 'no' }, ledger);
  const reports = [await failing.run(), await failing.run(), await failing.run()];
  assert.deepEqual(
    reports.map(report => report?.attempt),
    [1, 2, undefined],
  );
  assert.match(reports[1]?.deadLetter ?? '', /dead\/func/);
  assert.equal((await job.close()).pending, 0);
  assert.deepEqual(read(ledger), ['tried', 'tried']);
});

test('run() finds its function in the file that a job goes on in after its first one was removed', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null });
  const job = await manager.open();
  const [first, second] = ['1', '2'].map(text => register(job, { do: 'append', text }, ledger));
  first?.cancel();
  unlinkSync(job.path);
  register(job, { do: 'append', text: '3' }, ledger);
  assert.equal((await second?.run())?.outcome, 'ok');
  assert.deepEqual(read(ledger), ['2']);
  await job.close();
  assert.deepEqual(read(ledger), ['2', '3']);
});
