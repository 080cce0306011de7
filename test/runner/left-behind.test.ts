/** What functions leave behind in the runner they share. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { sweep } from '#dist/index.js';
import { type Call, read } from '../helpers/calls.ts';
import { freshPlace, leaveOrphan, startWorker } from '../helpers/worker.ts';

/** `leaver` settles and leaves something that fails while `waiter`, another owner's, waits for just that. */
const functions = `
import { appendFileSync } from 'node:fs';
const note = (ledger, text) => appendFileSync(ledger, text.trim() + ' ' + process.pid + '\\n');
let begin, tell;
const waiting = new Promise(resolve => { begin = resolve; });
const told = new Promise(resolve => { tell = resolve; });
export function rejects(ledger, text) {
  note(ledger, text);
  void waiting.then(() => { setImmediate(tell); throw new Error('late rejection'); });
}
export function throws(ledger, text) {
  note(ledger, text);
  void waiting.then(() => setImmediate(() => { setImmediate(tell); throw new Error('late error'); }));
}
export async function waiter(ledger, text) {
  begin();
  await told;
  note(ledger, text);
}
export async function thrower() {
  setImmediate(() => { throw new Error('of its own'); });
  await new Promise(() => setInterval(() => {}, 1000));
}
`;

for (const name of ['rejects', 'throws']) {
  test(`a function that is done and ${name} afterwards costs another owner's nothing`, async t => {
    const { base, ledger, root } = freshPlace(t);
    const path = join(root, 'functions.mjs');
    writeFileSync(path, functions);
    const call = (of: string): Call => ({
      do: 'module',
      module: pathToFileURL(path).href,
      export: of,
      text: of,
    });
    const options = { delivery: 'at-most-once', timeoutMs: 10_000 } as const;
    // Both live until both are there: a worker that opens a job sweeps orphans.
    const workers = [];
    for (const one of [call(name), call('waiter')])
      workers.push(await startWorker(t, { base, ledger, calls: [one], options }));
    for (const { child } of workers) await child.kill();
    const report = await sweep(base, { logger: null });
    assert.deepEqual([report.ok, report.failed], [2, 0]);
    // In one process, or nothing is shown.
    const [[first, pid], [second, other]] = read(ledger).map(line => line.split(' ')) as [string[], string[]];
    assert.deepEqual([first, second], [name, 'waiter']);
    assert.equal(pid, other);
  });
}

test('an error that nobody catches while its function runs costs it an attempt', async t => {
  const { base, ledger, root } = freshPlace(t);
  const path = join(root, 'functions.mjs');
  writeFileSync(path, functions);
  const module = pathToFileURL(path).href;
  await leaveOrphan(t, {
    base,
    ledger,
    calls: [
      { do: 'module', module, export: 'thrower', text: '' },
      { do: 'append', text: 'next' },
    ],
  });
  const report = await sweep(base, { logger: null });
  assert.deepEqual(
    report.files[0]?.functions.map(({ outcome }) => outcome),
    ['crashed', 'ok'],
  );
  assert.deepEqual(read(ledger), ['next']);
});
