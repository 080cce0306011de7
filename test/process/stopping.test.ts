import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import type { SweepReport } from '#dist/index.js';
import { type Call, read } from '../helpers/calls.ts';
import { arrivalAt, makeGate } from '../helpers/gate.ts';
import { CLI, cli, freshPlace, leaveOrphan } from '../helpers/worker.ts';

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`at ${signal} the command line lets the function in progress finish, leaves the rest registered, and reports`, async t => {
    const { base, ledger, root } = freshPlace(t);
    const fifo = makeGate(root);
    const calls: Call[] = [
      { do: 'wait-for-fifo', text: '1', fifo },
      { do: 'append', text: '2' },
    ];
    await leaveOrphan(t, { base, ledger, calls });
    const sweeper = spawn(process.execPath, [CLI, '--json', base], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => sweeper.kill('SIGKILL'));
    let stdout = '';
    sweeper.stdout.setEncoding('utf8').on('data', text => (stdout += text));
    const letThrough = await arrivalAt(fifo);
    const ended = once(sweeper, 'close');
    sweeper.kill(signal);
    // Until the sweeper has told its runner to stop, the runner might go on to the second function.
    await stoppedListening(sweeper.pid!, signal);
    await letThrough();
    assert.equal((await ended)[0], 1);
    const report = JSON.parse(stdout) as SweepReport;
    assert.deepEqual([report.isComplete, report.ok, report.pending], [false, 1, 1]);
    assert.deepEqual(read(ledger), ['1', '1-end']);
    assert.equal((await cli(base)).status, 0);
    assert.deepEqual(read(ledger), ['1', '1-end', '2']);
  });
}

/** The handler is registered once(): when it has run, the kernel no longer lists the signal as caught. Linux only. */
async function stoppedListening(pid: number, signal: 'SIGINT' | 'SIGTERM'): Promise<void> {
  if (process.platform !== 'linux') return;
  const { readFile } = await import('node:fs/promises');
  const { constants } = await import('node:os');
  const bit = 1n << BigInt(constants.signals[signal] - 1);
  for (;;) {
    const caught = /^SigCgt:\s*([0-9a-f]+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
    if ((BigInt(`0x${caught}`) & bit) === 0n) return;
  }
}
