import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DeferredFunctionManager, type Job, sweep } from '#dist/index.js';
import { read } from '../helpers/calls.ts';
import { baseOfKilledWorker } from '../helpers/command-line.ts';
import { freshPlace } from '../helpers/worker.ts';

const LIMIT_BYTES = 256 * 1024 * 1024;
/** Nearly the largest a record may be, to be there in few steps, then such that nothing smaller fits. */
const STEPS = [16 * 1024 * 1024 - 128 * 1024, 1024 * 1024, 64 * 1024, 4096, 512, 64, 0];

/** Registers functions with so many bytes of arguments until one is refused; returns how many were not. */
function fill(job: Job, lengthBytes: number): number {
  for (let count = 0; ; count++) {
    try {
      job.defer((_bytes: Uint8Array) => {}, new Uint8Array(lengthBytes));
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'DEFERRED_TOO_LARGE');
      return count;
    }
  }
}

test('a state file takes 256 MiB of registrations, then throws DEFERRED_TOO_LARGE; all of them can still be run or cancelled', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null });
  const job = await manager.open();
  const cancelled = job.defer((path: string) => {
    process.getBuiltinModule('node:fs').appendFileSync(path, 'cancelled\n');
  }, ledger);
  job.defer((path: string) => process.getBuiltinModule('node:fs').appendFileSync(path, 'first\n'), ledger);
  const count = STEPS.map(lengthBytes => fill(job, lengthBytes)).reduce((sum, some) => sum + some, 1);
  const { size } = statSync(job.path);
  assert.ok(size <= LIMIT_BYTES && size > LIMIT_BYTES - 4096, `${size} bytes`);
  assert.equal(cancelled.cancel(), true);
  const report = await job.close();
  assert.deepEqual([report.ok, report.failed, report.pending], [count, 0, 0]);
  assert.deepEqual(read(ledger), ['first']);
});

test('a runner has one state file open at a time', async t => {
  const base = baseOfKilledWorker(
    t,
    `const next = await new DeferredFunctionManager(base).open();
     async function count(base, answer) {
       const { appendFileSync, readdirSync, readlinkSync } = await import('node:fs');
       const open = readdirSync('/proc/self/fd').flatMap(fd => {
         try { return [readlinkSync('/proc/self/fd/' + fd)]; } catch { return []; }
       });
       appendFileSync(answer, open.filter(path => path.startsWith(base + '/deferred/')).length + ' ');
     }
     job.defer(count, base, base + '/answer');
     next.defer(count, base, base + '/answer');`,
  );
  assert.equal((await sweep(base, { logger: null })).ok, 2);
  assert.equal(readFileSync(join(base, 'answer'), 'utf8'), '1 1 ');
});
