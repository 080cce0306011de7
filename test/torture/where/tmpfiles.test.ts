/** Age-based cleaners of temporary directories: `systemd-tmpfiles --clean` and tmpreaper themselves. */
import assert from 'node:assert/strict';
import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SweepReport, sweep } from '#dist/index.js';
import { type Call, read } from '../../helpers/calls.ts';
import { freshPlace, leaveOrphan, startWorker } from '../../helpers/worker.ts';
import { addRow } from '../table.ts';
import { run, testHere } from './mounts.ts';

const calls: Call[] = [{ do: 'append', text: 'ran' }];

testHere(
  'systemd-tmpfiles leaves state files of any age alone, of the living and the dead, and dead letters, and removes others',
  async t => {
    run('systemd-tmpfiles', '--version');
    const { root, base, directory, ledger } = freshPlace(t);
    const { child, path } = await startWorker(t, {
      base,
      ledger: `${ledger}-2`,
      calls,
      options: { lock: 'ofd' },
    });
    const failing: Call[] = [{ do: 'throw', text: 'failed', message: 'always' }];
    await leaveOrphan(t, { base, ledger, calls: failing, options: { maxAttempts: 1 } });
    const [given] = (await sweep(base, { logger: null })).files.filter(({ isRetired }) => isRetired);
    const letter = given?.functions[0]?.deadLetter ?? 'none';
    const orphan = await leaveOrphan(t, { base, ledger, calls });
    const plain = join(directory, 'plain');
    writeFileSync(plain, '', { mode: 0o600 });

    // Older than a microsecond by all four of its times: everything there is.
    const config = join(root, 'tmpfiles.conf');
    writeFileSync(config, `e ${base} - - - 1us\n`);
    run('systemd-tmpfiles', '--clean', config);
    assert.deepEqual([plain, letter, orphan, path].map(existsSync), [false, true, true, true]);

    assert.equal((await sweep(base, { logger: null })).ok, 1);
    assert.equal((await child.ask<SweepReport>({ op: 'close' })).ok, 1);
    assert.deepEqual([...read(ledger), ...read(`${ledger}-2`)], ['failed', 'ran', 'ran']);
    addRow({ part: 'where', what: 'systemd-tmpfiles --clean', tried: 4, found: 0 });
  },
);

testHere(
  'tmpreaper takes orphans and dead letters, and leaves them in a place that it is told to protect, as doctor advises',
  async t => {
    for (const isProtected of [true, false]) {
      const { root, base, ledger } = freshPlace(t);
      const orphan = await leaveOrphan(t, { base, ledger, calls });
      const old = new Date(Date.now() - 864e5);
      utimesSync(orphan, old, old);
      run('tmpreaper', '--delay=0', '--mtime', ...(isProtected ? ['--protect', base] : []), '1h', root);
      assert.equal(existsSync(orphan), isProtected);
    }
    addRow({ part: 'where', what: 'tmpreaper', tried: 2, found: 0 });
  },
);
