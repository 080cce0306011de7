/** Under Node's permission model, which may refuse what the system would not. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { sweep } from '#dist/index.js';
import { read } from '../helpers/calls.ts';
import { freshPlace, leaveOrphan } from '../helpers/worker.ts';

const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';
const allowed = ['--allow-fs-read=*', '--allow-fs-write=*', '--allow-addons', '--no-warnings'];

test('a job that may start no process runs its own functions, and leaves those of orphans registered', async t => {
  const { base, ledger } = freshPlace(t);
  await leaveOrphan(t, { base, ledger, calls: [{ do: 'append', text: 'orphan' }] });
  const program = `
    import { appendFileSync } from 'node:fs';
    import { DeferredFunctionManager } from ${JSON.stringify(import.meta.resolve('#dist/index.js'))};
    const [base, ledger] = process.argv.slice(1);
    const manager = new DeferredFunctionManager(base, { logger: null });
    const job = await manager.open();
    job.defer(appendFileSync, ledger, 'own\\n');
    const { files: [own, ...others] } = await job.close();
    const orphan = others.find(file => file.pending > 0);
    await manager.close();
    console.log(JSON.stringify([own.functions[0].outcome, orphan.error.code, orphan.pending]));
  `;
  const args = [permission, ...allowed, '--input-type=module', '--eval', program, base, ledger];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.deepEqual([stdout, stderr], ['["ok","DEFERRED_CRASHED",1]\n', '']);
  assert.equal((await sweep(base)).ok, 1);
  assert.deepEqual(read(ledger), ['own', 'orphan']);
});
