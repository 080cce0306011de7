/** Damaged state files, really swept: each function writes whose it is into a ledger. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sweep } from '#dist/index.js';
import { encode } from '#dist/value/codec.js';
import { snapshot } from '#dist/value/encode.js';
import { read } from '../../helpers/calls.ts';
import { freshDirectory } from '../../helpers/fresh-directory.ts';
import { timeFor } from '../budget.ts';
import { randomOf, tortureSeed } from '../random.ts';
import { addRow } from '../table.ts';
import { type Called, corpusOf } from './corpus.ts';
import { type Mutated, mutate } from './mutations.ts';

const FILES = 8192;
/** As many as one runner takes. */
const FILES_EACH = 64;

const seed = tortureSeed();

test('whatever is damaged in its files, a sweep runs nothing but what the owner of each registered, each once, and leaves nothing', async t => {
  t.diagnostic(`TORTURE_SEED=${seed}`);
  // `generated-files.test.ts` takes most of the part's time.
  const until = performance.now() + timeFor('bytes') * 0.1;
  const root = freshDirectory(t);
  const ledger = join(root, 'ledger');
  const line = (salt: Buffer, id: number): string => `${salt.toString('hex')} ${id}`;
  const called: Called = (salt, id) => ({
    function: encode({ kind: 'module', module: 'node:fs', export: 'appendFileSync' }),
    arguments: snapshot([ledger, `${line(salt, id)}\n`], 'args'),
  });
  const corpus = corpusOf(seed, called);
  let [swept, ran] = [0, 0];
  while (swept < FILES && (swept === 0 || performance.now() < until)) {
    const base = join(root, `base-${swept}`);
    const directory = join(base, 'deferred');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(ledger, '');
    /** How often each line may be written: once for every file that begins with its own file's header. */
    const allowed = new Map<string, number>();
    const where = `TORTURE_SEED=${seed}, files from ${swept}`;
    for (const last = swept + FILES_EACH; swept < last; swept++) {
      const { bytes } = accident(swept);
      writeFileSync(join(directory, `func${String(swept).padStart(6, '0')}`), bytes, { mode: 0o600 });
      const owner = corpus.find(({ frames: [header] }) => header!.equals(bytes.subarray(0, header!.length)));
      for (const id of owner?.registered.keys() ?? []) {
        const its = line(owner!.salt, id);
        allowed.set(its, (allowed.get(its) ?? 0) + 1);
      }
    }
    const report = await sweep(base, { logger: null, retryDelayMs: 0 });
    assert.equal(report.files.length, FILES_EACH, where);
    const kept = report.files.filter(file => !file.isRetired && file.pending === 0);
    assert.deepEqual(kept, [], where);
    assert.deepEqual(
      report.files.flatMap(file => file.error ?? []),
      [],
      where,
    );
    const pending = report.files.filter(file => file.pending > 0).length;
    assert.equal(readdirSync(directory).filter(name => name !== 'dead').length, pending, where);
    for (const its of read(ledger)) {
      const left = (allowed.get(its) ?? 0) - 1;
      assert.ok(left >= 0, `${where}: ${its} was run`);
      allowed.set(its, left);
      ran++;
    }
  }
  t.diagnostic(`${swept} files, ${ran} calls`);
  assert.ok(ran > swept, 'the corpus has become harmless');
  addRow({
    part: 'bytes',
    what: `damaged state files, swept, seed ${seed}`,
    tried: swept,
    of: FILES,
    found: 0,
  });

  function accident(index: number): Mutated {
    for (let draw = 0; ; draw++) {
      const mutated = mutate(corpus, randomOf(seed, 3, index, draw));
      if (!mutated.isForged) return mutated;
    }
  }
});
