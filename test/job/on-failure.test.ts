import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { DeferredFunctionManager, type FunctionFailure, type Registration } from '#dist/index.js';
import { freshPlace, leaveOrphan } from '../helpers/worker.ts';

test('onFailure is told of what fails at the end of a job, and in the sweep before it, once each', async t => {
  const { base, ledger } = freshPlace(t);
  const call = { do: 'throw', text: 'o', message: 'of the orphan' } as const;
  const options = { retryDelayMs: 3_600_000 };
  await leaveOrphan(t, { base, ledger, options, calls: [call] });
  const failures: FunctionFailure[] = [];
  const manager = new DeferredFunctionManager(base, {
    ...options,
    logger: null,
    onFailure: failure => failures.push(failure),
  });
  const told = (): unknown[] => failures.map(({ failed }) => failed.error?.message);
  const job = await manager.open();
  assert.deepEqual(told(), ['of the orphan']);
  job.defer(() => {
    throw new Error('of the job');
  });
  await manager.close();
  assert.deepEqual(told(), ['of the orphan', 'of the job']);
});

test('what onFailure throws is told to the logger, and changes nothing', async t => {
  const { base } = freshPlace(t);
  const warnings: string[] = [];
  const manager = new DeferredFunctionManager(base, {
    logger: { info() {}, warn: message => warnings.push(message) },
    onFailure: async () => {
      throw new Error('no listener');
    },
  });
  const job = await manager.open();
  job.defer(() => {
    throw new Error('first');
  });
  const report = await job.close();
  await new Promise(setImmediate);
  assert.equal(report.failed, 1);
  assert.ok(
    warnings.some(text => text.includes('onFailure threw Error: no listener')),
    warnings.join('\n'),
  );
  await manager.close();
});

for (const [how, fail] of Object.entries({
  throws: () => {
    throw new Error('no log today');
  },
  rejects: async () => {
    throw new Error('no log today');
  },
}))
  test(`a logger that ${how} is warned of, and changes nothing`, async t => {
    const { base } = freshPlace(t);
    const warned = once(process, 'warning');
    const manager = new DeferredFunctionManager(base, { logger: { info: fail, warn: fail } });
    const job = await manager.open();
    job.defer(() => {
      throw new Error('first');
    });
    assert.equal((await job.close()).failed, 1);
    assert.match(String((await warned)[0]), /the logger threw Error: no log today; it was told: /);
    await manager.close();
  });

test('an onFailure that is no function is refused', () => {
  assert.throws(() => new DeferredFunctionManager('/nowhere', { onFailure: 'mail' as never }), TypeError);
});

test('onFailure and the logger are told, once, of a function that is run early and fails; the report of the end has what failed then', async t => {
  const { base } = freshPlace(t);
  const failures: FunctionFailure[] = [];
  const warnings: string[] = [];
  const manager = new DeferredFunctionManager(base, {
    retryDelayMs: 0,
    maxAttempts: 2,
    logger: { info() {}, warn: message => warnings.push(message) },
    onFailure: failure => failures.push(failure),
  });
  const job = await manager.open();
  const registration = job.defer(() => {
    throw new Error('early');
  });
  job.defer(() => {});
  const told = (): unknown[] =>
    failures.map(({ failed, file }) => [failed.attempt, failed.deadLetter !== undefined, file.pending]);
  await Promise.all([registration.run(), registration.run()]);
  assert.deepEqual(told(), [[1, false, 2]]);
  await registration.run();
  assert.deepEqual(told(), [
    [1, false, 2],
    [2, true, 1],
  ]);
  assert.equal(warnings.filter(text => text.includes('early')).length, 2, warnings.join('\n'));
  const report = await job.close();
  assert.deepEqual([report.ok, report.failed, failures.length], [1, 0, 2]);
  await manager.close();
});

test('onFailure is told once of a function that runs early while its job ends', async t => {
  const { base } = freshPlace(t);
  const failures: FunctionFailure[] = [];
  const manager = new DeferredFunctionManager(base, {
    logger: null,
    onFailure: failure => failures.push(failure),
  });
  const job = await manager.open();
  let registration: Registration | undefined;
  const shared = globalThis as { early?: () => Promise<unknown> };
  shared.early = async () => registration?.run();
  job.defer(() => (globalThis as { early?: () => Promise<unknown> }).early?.());
  registration = job.defer(() => {
    throw new Error('early');
  });
  const report = await job.close();
  assert.deepEqual([report.failed, failures.length], [1, 1]);
  await manager.close();
});
