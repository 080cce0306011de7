import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import type { SweepReport } from '#dist/index.js';
import { read } from '../helpers/calls.ts';
import { arrivalAt, makeGate, queueAt } from '../helpers/gate.ts';
import { CLI, cli, freshPlace, leaveOrphan } from '../helpers/worker.ts';

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`at ${signal} the command line lets the function in progress finish, leaves the rest registered, and reports`, async t => {
    const { base, ledger, root } = freshPlace(t);
    const fifo = makeGate(root);
    const { calls, lines } = queueAt(fifo);
    await leaveOrphan(t, { base, ledger, calls });
    const sweeper = spawn(process.execPath, [CLI, '--json', base], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => sweeper.kill('SIGKILL'));
    let stdout = '';
    sweeper.stdout.setEncoding('utf8').on('data', text => (stdout += text));
    const letThrough = await arrivalAt(fifo);
    const ended = once(sweeper, 'close');
    sweeper.kill(signal);
    await letThrough();
    assert.equal((await ended)[0], 1);
    const report = JSON.parse(stdout) as SweepReport;
    assert.equal(report.isComplete, false);
    assert.ok(report.ok > 0 && report.pending > 0, `${report.ok} ok, ${report.pending} pending`);
    assert.equal(report.ok + report.pending, calls.length);
    assert.deepEqual(read(ledger), lines.slice(0, report.ok + 1));
    assert.equal((await cli(base)).status, 0);
    assert.deepEqual(read(ledger), lines);
  });
}
