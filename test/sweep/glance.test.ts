/** How a sweep looks again at a file that another process had locked: `docs/protocol.md`, Look. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type SweepOptions, sweep } from '#dist/index.js';
import { read } from '../helpers/calls.ts';
import { callsLogged, straceMissing } from '../helpers/strace.ts';
import { freshPlace, startWorker, sweepFreed } from '../helpers/worker.ts';

const WORLD_READABLE = 0o004;

async function outcomes(base: string, options: SweepOptions = {}): Promise<string[]> {
  const { files } = await sweep(base, { logger: null, ...options });
  return files.map(({ outcome, label }) => `${outcome} ${label}`);
}

for (const lock of ['flock', 'ofd'] as const) {
  test(`one process sees a live file, then what becomes of it (${lock})`, async t => {
    const { base, ledger } = freshPlace(t);
    const { child, path } = await startWorker(t, { base, ledger, options: { lock, label: 'a' } });
    const look = (options: SweepOptions = {}): Promise<string[]> => outcomes(base, { lock, ...options });
    for (let count = 0; count < 3; count++) assert.deepEqual(await look(), ['live a']);
    assert.deepEqual(await look({ onlyLabel: 'b' }), [], 'not of the label');
    assert.deepEqual(await look({ onlyLabel: 'a' }), ['live a']);
    await child.ask({ op: 'defer', call: { do: 'append', text: 'a' } });
    for (let count = 0; count < 2; count++) assert.deepEqual(await look(), ['live a']);
    const { mode } = statSync(path);
    chmodSync(path, mode | WORLD_READABLE);
    for (let count = 0; count < 2; count++) assert.deepEqual(await look(), ['refused undefined']);
    chmodSync(path, mode);
    assert.deepEqual(await look(), ['live a']);
    await child.kill();
    assert.equal((await sweepFreed(base, { lock })).ok, 1);
    assert.deepEqual(read(ledger), ['a']);
    assert.deepEqual(await look(), []);
  });
}

test('a live file that is as it was costs one open and one try of its lock', {
  skip: straceMissing,
}, async t => {
  const { base, ledger, root } = freshPlace(t);
  const { path } = await startWorker(t, { base, ledger });
  const log = join(root, 'log');
  const script = `
    import { sweep } from ${JSON.stringify(import.meta.resolve('#dist/index.js'))};
    for (let count = 0; count < 5; count++) await sweep(${JSON.stringify(base)}, { logger: null });`;
  const options = ['-f', '-qq', '-o', log, '-P', path, '-e', 'trace=openat,flock,fstat,statx,pread64'];
  const node = [process.execPath, '--input-type=module', '-e', script];
  const { status, stderr } = spawnSync('strace', [...options, ...node], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const names = callsLogged(log).map(line => /^\d+ +(\w+)\(/.exec(line)?.[1]);
  const count = (name: string): number => names.filter(called => called === name).length;
  assert.deepEqual([count('openat'), count('flock'), count('pread64')], [5, 5, 1]);
  // The addon asks by fstat(2), Node by statx(2): once, at the first look.
  assert.deepEqual([count('fstat'), count('statx')], [4, 1]);
});
