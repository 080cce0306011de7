/** Inode numbers past 2^53, as of NFS, Lustre and overlay file systems: neighbours are the same double. */
import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Call } from '../helpers/calls.ts';
import { noMounts, withMounts } from '../helpers/mount-namespace.ts';
import { freshPlace, startWorker } from '../helpers/worker.ts';

const ORPHANS = 4;
const calls: Call[] = [{ do: 'throw', text: 'a', message: 'in vain' }];

test('files whose inode numbers are neighbours past 2^53 are each swept', { skip: noMounts }, async t => {
  const { root, base, ledger } = freshPlace(t);
  const [over, merged] = ['over', 'merged'].map(name => join(root, name)) as [string, string];
  for (const path of [over, merged]) mkdirSync(path);
  const workers = [];
  for (let count = 0; count < ORPHANS; count++) workers.push(await startWorker(t, { base, ledger, calls }));
  for (const { child } of workers) await child.kill();
  const script = `
    import { readdirSync, statSync } from 'node:fs';
    import { sweep } from ${JSON.stringify(import.meta.resolve('#dist/index.js'))};
    const base = ${JSON.stringify(merged)};
    const inodes = readdirSync(base + '/deferred').map(name => statSync(base + '/deferred/' + name).ino);
    const reports = [];
    for (let count = 0; count < 2; count++)
      reports.push(await sweep(base, { logger: null, retryDelayMs: 600_000 }));
    const outcomes = reports.map(({ files }) => files.map(({ outcome }) => outcome));
    console.log(JSON.stringify({ inodes: new Set(inodes).size, outcomes }));`;
  const layers = `xino=on,lowerdir=${base},upperdir=${over}/upper,workdir=${over}/work`;
  const mounts = `mount -t tmpfs none ${over} && mkdir ${over}/upper ${over}/work && mount -t overlay -o ${layers} overlay ${merged}`;
  const [program, ...options] = withMounts(mounts);
  const inMounts = (...command: string[]): SpawnSyncReturns<string> =>
    spawnSync(program!, [...options, ...command], { encoding: 'utf8' });
  const mounted = inMounts('true');
  if (mounted.status !== 0) return t.skip(`NOT TESTED: no overlay file system: ${mounted.stderr}`);
  const { status, stdout, stderr } = inMounts(process.execPath, '--input-type=module', '-e', script);
  assert.equal(status, 0, stderr);
  const { inodes, outcomes } = JSON.parse(stdout);
  if (inodes !== 1) return t.skip('NOT TESTED: this overlay file system has small inode numbers');
  assert.deepEqual(outcomes, [new Array(ORPHANS).fill('ran'), new Array(ORPHANS).fill('waiting')], stderr);
});
