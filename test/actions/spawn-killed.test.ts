import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Child, startChild } from '../helpers/child.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { createMark, MARK_VARIABLE, markedProcesses } from '../helpers/process-marks.ts';
import { sample } from '../helpers/size.ts';
import { attachStrace, straceMissing } from '../helpers/strace.ts';
import { sweepFreed } from '../helpers/worker.ts';

/** A system call of the worker's main thread, and which of its name it is since strace has attached. */
interface Point {
  readonly call: string;
  readonly number: number;
}

/** Starts another process, so that more than one has to be found. */
const program = ['sh', '-c', '(setsid sleep 86400 &); exec sleep 86400'];

/** Calls whose number differs from run to run. */
const UNSTEADY = /^(futex|epoll_p?wait|madvise|mmap|munmap|mprotect|brk|sched_yield|getpid|restart_syscall)$/;

async function startWorker(t: TestContext): Promise<{ child: Child; base: string; mark: string }> {
  const base = freshDirectory(t);
  const mark = createMark(t);
  const child = startChild(t, 'spawn-once', {
    args: [base, ...program],
    env: { [MARK_VARIABLE]: mark },
  });
  await child.next();
  return { child, base, mark };
}

/** The calls between those with which the worker marks the beginning and the end of `spawn`. */
async function pointsOfSpawn(t: TestContext): Promise<readonly Point[]> {
  const { child, base, mark } = await startWorker(t);
  const log = join(base, 'log');
  const { ended } = await attachStrace(child.pid, ['-f', '-o', log]);
  await child.ask('go');
  await child.kill();
  await sweepFreed(base);
  assert.deepEqual(markedProcesses(mark), []);
  await ended;
  const counts = new Map<string, number>();
  const points: Point[] = [];
  let isInSpawn = false;
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    const [, pid, call = ''] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (Number(pid) !== child.pid) continue;
    const number = (counts.get(call) ?? 0) + 1;
    counts.set(call, number);
    if (line.includes('/spawn-begins')) isInSpawn = true;
    if (isInSpawn && !UNSTEADY.test(call)) points.push({ call, number });
    if (line.includes('/spawn-has-returned')) break;
  }
  return points;
}

/** Returns whether the worker died there, and not later, told to. */
async function killAt(t: TestContext, { call, number }: Point): Promise<boolean> {
  const { child, base, mark } = await startWorker(t);
  const inject = `inject=${call}:signal=SIGKILL:when=${number}`;
  const { ended } = await attachStrace(child.pid, [
    '-f',
    '-e',
    `trace=${call}`,
    '-e',
    inject,
    '-o',
    join(base, 'log'),
  ]);
  child.send('go');
  const said = await Promise.race([child.exited.then(() => 'died'), child.next().catch(() => 'died')]);
  await child.kill();
  const report = await sweepFreed(base);
  assert.equal(report.failed, 0, JSON.stringify(report));
  assert.deepEqual(markedProcesses(mark), [], `killed at ${call} ${number}`);
  await ended;
  return said === 'died';
}

test('no process of a spawn is left, at whichever call in it the owner is killed', {
  skip: straceMissing,
}, async t => {
  const points = await pointsOfSpawn(t);
  assert.ok(
    points.some(({ call }) => call === 'write') && points.some(({ call }) => /^(v?fork|clone3?)$/.test(call)),
  );
  let died = 0;
  const left = sample(points, 10);
  const trials = left.length;
  const walk = async (): Promise<void> => {
    for (let point = left.shift(); point !== undefined; point = left.shift())
      if (await killAt(t, point)) died++;
  };
  await Promise.all([walk(), walk(), walk()]);
  t.diagnostic(`killed at ${died} of ${trials} calls, of ${points.length}`);
  assert.ok(died > trials / 2);
});
