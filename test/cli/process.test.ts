import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SweepReport } from 'deferred-sweep';
import { CONTROL_FD } from '#dist/runner/protocol.js';
import {
  baseOfKilledWorker,
  commandLinePath,
  plainEnvironment,
  runCommandLine,
  startCommandLine,
} from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { callsLogged, straceMissing } from '../helpers/strace.ts';

const touch = `job.defer(promises.writeFile, base + '/proof', '');`;

test('a reader of standard output that goes away does not stop the sweep', async t => {
  const base = baseOfKilledWorker(t, touch);
  const child = startCommandLine(t, [base]);
  child.stdout?.destroy();
  const [status] = await once(child, 'exit');
  assert.equal(status, 0);
  assert.ok(existsSync(join(base, 'proof')));
});

test('a reader of standard error that goes away stops neither the sweep nor a function that prints', async t => {
  const bad = freshDirectory(t);
  writeFileSync(join(bad, 'deferred'), 'not a directory');
  const base = baseOfKilledWorker(
    t,
    `job.defer(async function prints(path) {
       const { writeFileSync } = await import('node:fs');
       process.stdout.write('one');
       // By then a write that failed has been told.
       await new Promise(resolve => setTimeout(resolve, 50));
       process.stderr.write('two');
       writeFileSync(path, '');
     }, base + '/proof');`,
  );
  const child = startCommandLine(t, [bad, base]);
  child.stderr?.destroy();
  const [status] = await once(child, 'exit');
  assert.equal(status, 3);
  assert.ok(existsSync(join(base, 'proof')));
});

test('standard output that takes nothing keeps no directory from being swept, and shows in the exit status', {
  skip: existsSync('/dev/full') ? false : 'there is no /dev/full',
}, t => {
  const bases = [baseOfKilledWorker(t, touch), baseOfKilledWorker(t, touch)];
  const full = openSync('/dev/full', 'w');
  t.after(() => closeSync(full));
  const { status, stderr } = spawnSync(process.execPath, [commandLinePath, ...bases], {
    env: plainEnvironment(),
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.equal(stderr.match(/cannot write to standard output: ENOSPC/g)?.length, 1, stderr);
  for (const base of bases) assert.ok(existsSync(join(base, 'proof')));
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} finishes the function in progress and leaves the rest registered`, async t => {
    // It goes on until the runner was told to stop, that is, until its control pipe is closed.
    const base = baseOfKilledWorker(
      t,
      `job.defer(async function outlast(fd, path) {
         const { fstatSync, writeFileSync } = await import('node:fs');
         console.log('started');
         for (;;) {
           try { fstatSync(fd); } catch { break; }
           await new Promise(resolve => setTimeout(resolve, 5));
         }
         writeFileSync(path, '');
       }, ${CONTROL_FD}, base + '/outlasted');
       ${touch}`,
    );
    const child = startCommandLine(t, ['--json', base]);
    let stdout = '';
    child.stdout?.setEncoding('utf8').on('data', text => {
      stdout += text;
    });
    const closed = once(child, 'close');
    await once(child.stderr!, 'data');
    child.kill(signal);
    const [status] = await closed;
    assert.equal(status, 1);
    const report = JSON.parse(stdout) as SweepReport;
    assert.deepEqual([report.ok, report.failed, report.pending, report.isComplete], [1, 0, 1, false]);
    assert.ok(existsSync(join(base, 'outlasted')));
    assert.ok(!existsSync(join(base, 'proof')));

    assert.equal(runCommandLine([base]).status, 0);
    assert.ok(existsSync(join(base, 'proof')));
  });
}

test('for an empty or missing directory neither the addon nor cbor-x nor the parser is loaded', {
  skip: straceMissing,
}, t => {
  const empty = freshDirectory(t);
  mkdirSync(join(empty, 'deferred'), { mode: 0o700 });
  for (const args of [['--help'], ['--version'], [empty], [join(empty, 'missing')], ['cleanup', empty]]) {
    assert.deepEqual(heavyLoads(join(empty, 'trace'), args), [], args.join(' '));
  }
  const base = baseOfKilledWorker(t, touch);
  assert.notEqual(
    heavyLoads(join(empty, 'trace'), [base]).length,
    0,
    'what an orphan needs is not seen by this test',
  );
});

/** Files of the packages and addons that the command line opens. */
function heavyLoads(trace: string, args: readonly string[]): string[] {
  const under = ['-f', '-qq', '-e', 'trace=openat', '-o', trace, process.execPath, commandLinePath];
  const { status } = spawnSync('strace', [...under, ...args], { env: plainEnvironment() });
  assert.equal(status, 0);
  return callsLogged(trace).filter(line => /cbor-x|acorn|eslint-scope|\.node"/.test(line));
}
