/** What happens to a file between the sweeper's look, in which it lets go of the lock, and the claim of its runner. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type SweepReport, sweep } from '#dist/index.js';
import type { DeferRecord, HeaderRecord } from '#dist/log/records.js';
import { replay } from '#dist/log/replay.js';
import { encode } from '#dist/value/codec.js';
import { read } from '../helpers/calls.ts';
import { startChild } from '../helpers/child.ts';
import { arrivalAt, makeGate } from '../helpers/gate.ts';
import {
  deferOf,
  failingOf,
  frameOf,
  framesOf,
  headerOf,
  startOf,
  stateBase,
} from '../helpers/state-bytes.ts';

/** A file that the runner has been named, while it is in a function of the one before. */
interface Named {
  readonly base: string;
  readonly path: string;
  readonly ledger: string;
  /** Lets the runner come to the file. */
  readonly goOn: () => Promise<SweepReport>;
}

const ofNode = (name: string): { readonly function: Uint8Array } => ({
  function: encode({ kind: 'module', module: 'node:fs', export: name }),
});

/** @param more - functions of the file behind the one that writes its line */
async function named(
  t: TestContext,
  header: Partial<HeaderRecord> = {},
  ...more: DeferRecord[]
): Promise<Named> {
  const { base, put } = stateBase(t);
  const fifo = makeGate(base);
  const ledger = join(base, 'ledger');
  put(Buffer.concat(framesOf(headerOf(), deferOf(1, [fifo], ofNode('readFileSync')))), 'func1');
  const writes = deferOf(1, [ledger, 'ran\n'], ofNode('appendFileSync'));
  const path = put(Buffer.concat(framesOf(headerOf(header), writes, ...more)), 'func2');
  const sweeping = sweep(base, { logger: null, concurrency: 1, lock: 'flock' });
  const letThrough = await arrivalAt(fifo);
  return {
    base,
    path,
    ledger,
    goOn: async () => {
      await letThrough();
      return sweeping;
    },
  };
}

const notRoot = process.getuid?.() === 0 ? false : 'NOT TESTED: only root can give files away';

for (const [what, tamper, skip] of [
  ['is opened to others', (path: string) => chmodSync(path, 0o644)],
  ['gets a second name', (path: string) => linkSync(path, `${path}-too`)],
  ['is given to another user', (path: string) => chownSync(path, 65534, 65534), notRoot],
  [
    'is a link now',
    (path: string) => {
      renameSync(path, `${path}-moved`);
      symlinkSync(`${path}-moved`, path);
    },
  ],
] as const) {
  test(`a file that ${what} after the sweeper's look is refused by its runner`, {
    skip: skip ?? false,
  }, async t => {
    const { path, ledger, goOn } = await named(t);
    tamper(path);
    const { ok, files } = await goOn();
    const refused = files.find(file => file.path === path);
    assert.equal(refused?.error?.code, 'DEFERRED_UNSAFE_FILE');
    assert.deepEqual([ok, refused.isRetired, existsSync(path)], [1, false, true]);
    assert.deepEqual(read(ledger), []);
  });
}

test("a file that is damaged after the sweeper's look is set aside, and not removed by its runner as one with nothing to do", async t => {
  const { base, path, ledger, goOn } = await named(t);
  const bytes = readFileSync(path);
  bytes[bytes.lastIndexOf('appendFileSync')]! ^= 1;
  writeFileSync(path, bytes);
  const { files } = await goOn();
  const { outcome, deadLetter } = files.find(file => file.path === path)!;
  assert.deepEqual([outcome, deadLetter], ['quarantined', join(base, 'deferred/dead/func2.damaged')]);
  assert.deepEqual(readFileSync(deadLetter!), bytes);
  assert.deepEqual(read(ledger), []);
});

test("a record that is torn after the sweeper's look, as by the death of another runner, is not made damage by the marks of this one", async t => {
  const { path, ledger, goOn } = await named(t, {}, failingOf(2));
  appendFileSync(path, frameOf(startOf(1)).subarray(0, -3));
  assert.equal((await goOn()).ok, 2);
  const { damagedBytes, tornBytes } = replay(readFileSync(path));
  assert.deepEqual([damagedBytes, tornBytes], [0, 0]);
  assert.deepEqual(read(ledger), ['ran']);
});

test('a file that another sweep runs under the lock of its owner is not run beside it under the own one', {
  skip: process.platform === 'linux' ? false : 'NOT TESTED: there are no OFD locks here',
}, async t => {
  const { base: other } = stateBase(t);
  const gate = makeGate(other);
  const { base, path, ledger, goOn } = await named(
    t,
    { lock: 'ofd' },
    deferOf(2, [gate], ofNode('readFileSync')),
  );
  const plan = { verb: 'sweep', base, options: { lock: 'ofd' } };
  const second = startChild(t, 'job-sweeper', { args: [JSON.stringify(plan)] });
  const letThrough = await arrivalAt(gate);
  const { files } = await goOn();
  assert.equal(files.find(file => file.path === path)?.outcome, 'sweeping');
  await letThrough();
  const report = await second.next<SweepReport>();
  assert.equal(report.files.find(file => file.path === path)?.isRetired, true);
  assert.deepEqual(read(ledger), ['ran']);
});
