/**
 * A runner dies, or its sweeper dies or is stopped, at every stage of the runner's life: before each file that it opens,
 * each mark, claim and line that it writes, and each file that it removes. No outcome is missing, no function is lost.
 */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type SweepReport, sweep } from '#dist/index.js';
import type { DeferRecord } from '#dist/log/records.js';
import { encode } from '#dist/value/codec.js';
import { read } from '../helpers/calls.ts';
import { startChild } from '../helpers/child.ts';
import { isFull, sample } from '../helpers/size.ts';
import { deferOf, framesOf, headerOf, stateBase } from '../helpers/state-bytes.ts';
import { until } from '../helpers/until.ts';

/** Loaded into the first runner only: does `deed` before its call of this number, and writes down how many there were. */
const hook = (root: string, stage: number, deed: string): string => `
  const fs = require('node:fs');
  if (process.argv[1]?.endsWith('runner/main.js')) first();
  function first() {
    try { fs.closeSync(fs.openSync(${JSON.stringify(join(root, 'first'))}, 'wx')); } catch { return; }
    const append = fs.appendFileSync;
    const { kill } = process;
    let calls = 0;
    let isOurs = true;
    for (const name of ['openSync', 'writeSync', 'unlinkSync']) {
      const call = fs[name];
      fs[name] = (...args) => {
        if (!isOurs) return call(...args);
        isOurs = false;
        append(${JSON.stringify(join(root, 'calls'))}, name + '\\n');
        if (++calls === ${stage}) ${deed};
        isOurs = true;
        return call(...args);
      };
    }
    require('node:module').syncBuiltinESMExports();
  }`;

interface Staged {
  readonly base: string;
  readonly ledger: string;
  readonly root: string;
}

const FUNCTIONS = ['a', 'b', 'c'];

/** Orphans with these functions; by default two, with two functions and one. */
function stage(t: TestContext, number: number, deed: string, orphans?: readonly DeferRecord[][]): Staged {
  const { base, put } = stateBase(t);
  const [ledger, path] = [join(base, 'ledger'), join(base, 'hook.cjs')];
  writeFileSync(path, hook(base, number, deed));
  const header = headerOf({ execArgv: ['--require', path] });
  const module = `data:text/javascript,${encodeURIComponent(`
    import { spawnSync } from 'node:child_process';
    // By another process: what this one calls is counted.
    export const tell = (path, name) => void spawnSync('sh', ['-c', 'echo "$1" >> "$0"', path, name]);`)}`;
  const tell = (id: number, name: string) =>
    deferOf(id, [ledger, name], { name, function: encode({ kind: 'module', module, export: 'tell' }) });
  for (const [index, records] of (orphans ?? [[tell(1, 'a'), tell(2, 'b')], [tell(1, 'c')]]).entries())
    put(Buffer.concat(framesOf(header, ...records)), `func${index + 1}`);
  return { base, ledger, root: base };
}

const outcomesOf = ({ files }: SweepReport): Map<string, string> =>
  new Map(files.flatMap(file => file.functions.map(one => [one.name, one.outcome] as const)));

const range = (first: number, last: number, step: number): number[] =>
  Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => first + index * step);

/** How many calls a runner makes of these files: the stages. */
async function stages(t: TestContext): Promise<number> {
  const { base, root } = stage(t, 0, '{}');
  assert.equal((await sweep(base, { logger: null })).ok, 3);
  const calls = read(join(root, 'calls'));
  assert.ok(calls.length >= 15, calls.join());
  return calls.length;
}

/** After another sweep, whose report this returns, nothing is lost, and nothing is left. */
async function assertAllRan(
  { base, ledger }: Staged,
  mayRepeat: readonly string[],
  where: string,
): Promise<SweepReport> {
  const report = await sweep(base, { logger: null, retryDelayMs: 0, waitMs: 30_000 });
  const ran = read(ledger);
  for (const name of FUNCTIONS) {
    const times = ran.filter(line => line === name).length;
    assert.ok(
      times === 1 || (times === 2 && mayRepeat.includes(name)),
      `${where}: ${name} ran ${times} times`,
    );
  }
  assert.deepEqual(readdirSync(join(base, 'deferred')), [], where);
  return report;
}

/** Names of the functions that are told as failed, as soon as that is told. */
function toldFailures(t: TestContext): string[] {
  const failures: string[] = [];
  const note = (context: unknown): void => void failures.push((context as { name: string }).name);
  subscribe('tracing:deferred-sweep:invoke:error', note);
  t.after(() => unsubscribe('tracing:deferred-sweep:invoke:error', note));
  return failures;
}

test('a runner that dies at any stage costs the attempt it was in; no outcome is missing from the report', async t => {
  const last = await stages(t);
  // Always those of a file's end: the line and mark of its last function, its own line, its unlink, the runner's next line.
  const tried = [...sample(range(1, last - 5, 1), 5), ...range(last - 4, last, 1)];
  const told = toldFailures(t);
  let crashes = 0;
  for (const number of tried) {
    const staged = stage(t, number, "kill(process.pid, 'SIGKILL')");
    told.length = 0;
    const report = await sweep(staged.base, { logger: null, retryDelayMs: 0 });
    const calls = read(join(staged.root, 'calls'));
    const where = `before call ${number}, ${calls.at(-1)}`;
    const outcomes = outcomesOf(report);
    assert.deepEqual([...outcomes.keys()].sort(), FUNCTIONS, `${where}: ${JSON.stringify(report)}`);
    const crashed = FUNCTIONS.filter(name => outcomes.get(name) === 'crashed');
    assert.ok(crashed.length <= 1, where);
    crashes += crashed.length;
    assert.equal(report.ok, FUNCTIONS.length - crashed.length, where);
    // Else another sweep could remove the file, and this one would know of a death alone.
    const toldFirst = [...told];
    const next = outcomesOf(await assertAllRan(staged, crashed, where));
    assert.ok(
      toldFirst.every(name => next.has(name)),
      `${where}: ${toldFirst} was told as crashed, and is marked as done`,
    );
  }
  t.diagnostic(`${tried.length} of ${last} stages, ${crashes} of them in a function`);
  assert.ok(crashes < tried.length && (!isFull || crashes >= FUNCTIONS.length), `${crashes} crashes`);
});

test('a report names the dead letter of a function whose runner dies at the end of its file', async t => {
  const missing = encode({ kind: 'module', module: 'node:fs', export: 'missing' });
  const fails = deferOf(1, [], { name: 'fails', function: missing, maxAttempts: 1 });
  const put = (number: number): Staged => stage(t, number, "kill(process.pid, 'SIGKILL')", [[fails]]);
  const whole = put(0);
  await sweep(whole.base, { logger: null });
  const last = read(join(whole.root, 'calls')).length;
  for (const number of range(1, last, 1)) {
    const { base, root } = put(number);
    const report = await sweep(base, { logger: null });
    const where = `before call ${number}, ${read(join(root, 'calls')).at(-1)}: ${JSON.stringify(report)}`;
    const letter = report.files[0]?.functions[0]?.deadLetter;
    assert.ok(letter !== undefined && existsSync(letter), where);
    assert.deepEqual([report.files[0]?.isRetired, report.pending], [true, 0], where);
  }
});

for (const [how, signal] of [
  ['dies', 'SIGKILL'],
  ['is stopped, and goes on when its runner waits,', 'SIGSTOP'],
] as const) {
  test(`a sweeper that ${how} at any stage of its runner's life loses no function, and runs none twice`, async t => {
    const last = await stages(t);
    // Every third, the one and the other: each is a process more than where a runner dies.
    for (const number of sample(range(signal === 'SIGKILL' ? 1 : 2, last, 3), 3)) {
      const staged = stage(t, number, `kill(process.ppid, '${signal}')`);
      const plan = JSON.stringify({ verb: 'sweep', base: staged.base });
      const sweeper = startChild(t, 'job-sweeper', { args: [plan] });
      const where = `before call ${number}`;
      if (signal === 'SIGKILL') {
        await sweeper.exited;
      } else {
        await stopped(sweeper.pid);
        // What the runner still does without it is in its pipe by then, or in the file.
        sweeper.process.kill('SIGCONT');
        const outcomes = outcomesOf(await sweeper.next<SweepReport>());
        assert.deepEqual(
          [...outcomes].sort(),
          FUNCTIONS.map(name => [name, 'ok']),
          where,
        );
      }
      await assertAllRan(staged, [], where);
    }
  });
}

test('a sweeper that does not read while its event pipe fills up misses nothing that was said', async t => {
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  const append = encode({ kind: 'module', module: 'node:fs', export: 'appendFileSync' });
  const stop = `data:text/javascript,${encodeURIComponent("export const stop = () => process.kill(process.ppid, 'SIGSTOP');")}`;
  const name = 'n'.repeat(2000);
  const records = Array.from({ length: 400 }, (_, index) =>
    deferOf(index + 2, [ledger, `${index}\n`], { name: `${index} ${name}`, function: append }),
  );
  const stops = deferOf(1, [], { function: encode({ kind: 'module', module: stop, export: 'stop' }) });
  put(Buffer.concat(framesOf(headerOf(), stops, ...records)));
  const sweeper = startChild(t, 'job-sweeper', { args: [JSON.stringify({ verb: 'sweep', base })] });
  await stopped(sweeper.pid);
  // The runner stands still when its pipe is full.
  for (let seen = -1, now = 0; now !== seen || now === 0; ) {
    seen = now;
    await new Promise(resolve => setTimeout(resolve, 100));
    now = read(ledger).length;
  }
  const before = read(ledger).length;
  assert.ok(before < 400, 'its pipe was not full');
  sweeper.process.kill('SIGCONT');
  const report = await sweeper.next<SweepReport>();
  assert.deepEqual([report.ok, report.failed, read(ledger).length], [401, 0, 400]);
});

/** Resolves when this process is stopped: state T of proc_pid_stat(5). */
async function stopped(pid: number): Promise<void> {
  await until('its stop', () => /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'latin1')));
}
