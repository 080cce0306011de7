import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { DeferredFunction, DeferredFunctionManager } from 'deferred-sweep';
import { encodeFrame } from '#dist/log/frame.js';
import { encode } from '#dist/value/codec.js';
import { freshDirectory } from '../helpers/fresh-directory.js';
import { deferOf, frameOf, framesOf, headerOf, startOf } from '../helpers/state-bytes.js';
import { compileCddl } from './cddl.js';
import { goldenFiles } from './golden-files.js';

const matches = compileCddl(readFileSync(new URL('../../docs/state-file.cddl', import.meta.url), 'utf8'));

test('a file that a job writes is what docs/state-file.cddl says', async t => {
  for (const durability of ['process', 'disk'] as const) {
    const manager = new DeferredFunctionManager(freshDirectory(t), {
      durability,
      label: 'schema',
      logger: null,
    });
    const job = await manager.open();
    const failing = job.defer(() => {
      throw Object.assign(new Error('no'), { code: 'ENO' });
    });
    job.defer(DeferredFunction.command('true', ['a'], { env: { A: 'b' } }));
    job.defer(DeferredFunction.of({ module: 'node:fs', export: 'rmSync' }, '/nowhere', { force: true }));
    job.defer((set: Set<unknown>) => void set, new Set([1n])).cancel();
    await failing.run();
    assert.equal(matches(readFileSync(job.path)), true);
    await manager.close();
  }
});

test('the golden files are what the schema says, and those that are not version 1 records are not', () => {
  for (const [name, { bytes, tornBytes, isNewer }] of Object.entries(goldenFiles())) {
    if (tornBytes || name === 'damaged') continue;
    // A schema cannot say that kinds unknown to it may be there.
    assert.equal(matches(bytes), !isNewer && name !== 'unknown-kind', name);
  }
});

test('the schema refuses a record with any field missing or of another type', () => {
  const header = frameOf(headerOf());
  const records: Record<string, unknown>[] = [
    { ...headerOf() },
    { ...deferOf(1, []) },
    { kind: 'cancel', id: 1 },
    { kind: 'claim', nonce: 'a.0', pid: 1, host: 'node-1', atEpochMs: 1 },
    { ...startOf(1) },
    { kind: 'done', id: 1, attempt: 1, atEpochMs: 1, final: true },
  ];
  const salt = headerOf().salt;
  const fileWith = (record: object): Buffer => {
    const frame = encodeFrame(encode(record));
    return 'version' in record ? frame : Buffer.concat([header, frame]);
  };
  for (const record of records) {
    const whole = { ...record, salt };
    assert.equal(matches(fileWith(whole)), true, String(record.kind));
    for (const name of Object.keys(whole)) {
      const { [name]: _, ...rest } = whole as Record<string, unknown>;
      if (name !== 'version') assert.equal(matches(fileWith(rest)), false, `${record.kind} without ${name}`);
      assert.equal(
        matches(fileWith({ ...whole, [name]: [[]] })),
        false,
        `${record.kind} with another ${name}`,
      );
    }
  }
  assert.equal(matches(Buffer.concat(framesOf(headerOf(), deferOf(1, [])).toReversed())), false);
});
