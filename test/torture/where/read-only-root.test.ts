/** A root file system that is read-only but for the state directory's base, as hardened services and containers have it. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { SweepReport } from '#dist/index.js';
import { type Call, read } from '../../helpers/calls.ts';
import { startChild } from '../../helpers/child.ts';
import { startWorker } from '../../helpers/worker.ts';
import { addRow } from '../table.ts';
import { run, testHere } from './mounts.ts';

/** In a mount namespace of its own: `$1` stays writable, every other mount does not. */
const script = `
  set -e
  mount --make-rprivate /
  mount --bind "$1" "$1"
  awk '{ print $5 }' /proc/self/mountinfo | while read -r path; do
    [ "$path" = "$1" ] || mount -o remount,bind,ro "$path" 2>/dev/null || true
  done
  cd "$1"
  if touch "$2" 2>/dev/null; then echo "can still write to $2" >&2; exit 1; fi
  shift 2
  exec "$@"`;

testHere(
  'a worker and a sweeper work, and clean up, where the state directory alone is writable',
  async (t, mounts) => {
    const base = mounts.directory('base');
    const readOnly = join(mounts.directory('read-only'), 'file');
    const under = ['unshare', '--mount', 'sh', '-c', script, 'sh', base, readOnly] as const;
    run(under[0], ...under.slice(1), 'true');
    const calls: Call[] = [
      { do: 'append', text: 'ran' },
      { do: 'throw', text: 'threw', message: 'never mind' },
    ];
    const plan = { base, ledger: join(base, 'ledger'), calls };
    const env = { HOME: undefined, TMPDIR: undefined };
    const { child, path } = await startWorker(t, plan, { under, env });
    await child.kill();
    const sweeper = startChild(t, 'job-sweeper', {
      args: [JSON.stringify({ verb: 'cleanup', base })],
      under,
      env,
    });
    const report = await sweeper.next<SweepReport>();
    // A runner, a dead letter, an unlink: all of it within the state directory.
    assert.deepEqual([report.ok, report.failed, report.pending], [1, 1, 0]);
    assert.deepEqual(read(plan.ledger), ['ran', 'threw', 'threw', 'threw']);
    assert.equal(existsSync(path), false);
    assert.equal(existsSync(report.files[0]?.functions[1]?.deadLetter ?? ''), true);
    addRow({ part: 'where', what: 'read-only root', tried: 1, found: 0 });
  },
);
