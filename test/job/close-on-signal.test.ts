/** `closeOnSignal`: a job that ends when its process is told to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeferredFunctionManager } from '#dist/index.js';
import { read } from '../helpers/calls.ts';
import { arrivalAt, makeGate, queueAt } from '../helpers/gate.ts';
import { packageCopy } from '../helpers/package-copy.ts';
import { makeProject, runNode } from '../helpers/program.ts';
import { sample } from '../helpers/size.ts';
import { insist, tellAgainAtOnce } from '../helpers/told-signals.ts';
import { freshPlace, leaveOrphan, startWorker, sweepFreed } from '../helpers/worker.ts';

const options = { closeOnSignal: true };

for (const signal of sample(['SIGINT', 'SIGTERM'] as const, 1))
  test(`at ${signal} the functions of the job run, no orphan's do, and the process dies of ${signal}`, async t => {
    const { base, ledger } = freshPlace(t);
    const calls = [
      { do: 'append', text: 'one' },
      { do: 'throw', text: 'two', message: 'no' },
      { do: 'append', text: 'three' },
    ] as const;
    const { child } = await startWorker(t, { base, ledger, calls, options });
    await leaveOrphan(t, { base, ledger: `${ledger}-orphan`, calls });
    assert.deepEqual(await child.kill(signal), { code: null, signal });
    assert.deepEqual(read(ledger), ['one', 'two', 'three']);
    assert.deepEqual(read(`${ledger}-orphan`), []);
  });

for (const second of sample(['SIGTERM', 'SIGINT'] as const, 1))
  test(`SIGINT told again at once is one; a second signal, ${second}, ends the process at once, and the next sweep runs the rest`, async t => {
    const { base, ledger, root } = freshPlace(t);
    const fifo = makeGate(root);
    // None of them begins: its end comes while the first one waits.
    const { calls, lines } = queueAt(fifo, 20);
    const { child } = await startWorker(t, { base, ledger, calls, options });
    tellAgainAtOnce(child.pid, 'SIGINT');
    // The function in progress waits for ever.
    const letThrough = await arrivalAt(fifo);
    if (second === 'SIGINT') await insist(child.process, second);
    else child.process.kill(second);
    assert.deepEqual(await child.exited, { code: null, signal: second });
    await letThrough();
    const again = arrivalAt(fifo);
    const swept = sweepFreed(base);
    await (await again)();
    assert.equal((await swept).pending, 0);
    // The one at the gate began twice.
    assert.deepEqual(read(ledger), ['gate', ...lines]);
  });

const program = (body: string): Record<string, string> => ({
  'main.mjs': `import { appendFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { DeferredFunctionManager } from 'deferred-sweep';
const { BASE, LEDGER } = process.env;
const open = async (base, options = { closeOnSignal: true }) => new DeferredFunctionManager(base, options).open();
${body}`,
});

test('the process waits for the functions of every manager, also where nothing else keeps it alive', t => {
  const project = makeProject(
    t,
    program(`
    for (const name of ['a', 'b']) {
      const job = await open(BASE + name);
      job.defer(async (ledger, name) => {
        await new Promise(resolve => setTimeout(resolve, 100).unref());
        (await import('node:fs')).appendFileSync(ledger, name + '\\n');
      }, LEDGER, name);
    }
    const hold = setInterval(() => {}, 1000);
    process.on('SIGTERM', () => clearInterval(hold));
    process.kill(process.pid, 'SIGTERM');`),
  );
  const { signal, stderr } = runNode(project, ['main.mjs']);
  assert.equal(signal, 'SIGTERM', stderr);
  assert.deepEqual(read(project.ledger).toSorted(), ['a', 'b']);
});

test('the process waits for the managers of another copy of the package, too', t => {
  const copy = packageCopy(t);
  for (const quick of ['own', 'other']) {
    const project = makeProject(
      t,
      program(`
      const other = await import(${JSON.stringify(copy)});
      const jobs = {
        own: await open(BASE + 'own'),
        other: await new other.DeferredFunctionManager(BASE + 'other', { closeOnSignal: true }).open(),
      };
      for (const [name, job] of Object.entries(jobs)) job.defer(async (ledger, name, ms) => {
        await new Promise(resolve => setTimeout(resolve, ms));
        (await import('node:fs')).appendFileSync(ledger, name + '\\n');
      }, LEDGER, name, name === '${quick}' ? 0 : 500);
      setInterval(() => {}, 1000);
      process.kill(process.pid, 'SIGTERM');`),
    );
    const { signal, stderr } = runNode(project, ['main.mjs']);
    assert.equal(signal, 'SIGTERM', stderr);
    assert.deepEqual(read(project.ledger).toSorted(), ['other', 'own']);
  }
});

test('a signal that is told again while a function keeps the event loop is no second one', t => {
  const project = makeProject(
    t,
    program(`
    const job = await open(BASE);
    job.defer(function busy() {
      process.kill(process.pid, 'SIGTERM');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600);
    });
    job.defer(async function behind(ledger) {
      await new Promise(resolve => setTimeout(resolve, 50));
      (await import('node:fs')).appendFileSync(ledger, 'behind\\n');
    }, LEDGER);
    setInterval(() => {}, 1000);
    process.kill(process.pid, 'SIGTERM');`),
  );
  const { signal, stderr } = runNode(project, ['main.mjs']);
  assert.equal(signal, 'SIGTERM', stderr);
  assert.deepEqual(read(project.ledger), ['behind']);
});

test('a process without an open job, or that did not ask, dies of the signal as ever', t => {
  for (const body of [
    `await (await open(BASE)).close();`,
    `(await open(BASE, {})).defer(appendFileSync, LEDGER, 'ran');`,
  ]) {
    const project = makeProject(
      t,
      program(`${body}
      if (process.listenerCount('SIGTERM') > 0) process.exit(3);
      process.kill(process.pid, 'SIGTERM');
      await setImmediate();
      process.exit(4);`),
    );
    const { signal, status } = runNode(project, ['main.mjs']);
    assert.deepEqual([signal, status], ['SIGTERM', null]);
    assert.deepEqual(read(project.ledger), []);
  }
});

test('a thread, which gets no signals, is refused a job that closes on one', t => {
  const project = makeProject(
    t,
    program(`
    import { isMainThread, Worker } from 'node:worker_threads';
    if (isMainThread) new Worker(import.meta.filename);
    else await open(BASE).catch(error => appendFileSync(LEDGER, error.code + '\\n'));`),
  );
  assert.equal(runNode(project, ['main.mjs']).status, 0);
  assert.deepEqual(read(project.ledger), ['DEFERRED_UNSUPPORTED']);
});

test('closeOnSignal is true or false', () => {
  assert.throws(() => new DeferredFunctionManager('/x', { closeOnSignal: 'SIGINT' as never }), TypeError);
});
