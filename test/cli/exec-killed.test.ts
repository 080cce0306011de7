import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { commandLinePath, plainEnvironment } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { createMark, MARK_VARIABLE, markedProcesses } from '../helpers/process-marks.ts';
import { sample } from '../helpers/size.ts';
import { straceMissing } from '../helpers/strace.ts';
import { sweepFreed } from '../helpers/worker.ts';

/** The calls by which the wrapper changes something outside of itself. */
const CALLS = [
  'mkdir',
  'rename',
  'flock',
  'bind',
  'listen',
  'write',
  'unlink',
  'rmdir',
  'clone',
  'clone3',
  'vfork',
  'fork',
  'exit_group',
];

interface Trial {
  readonly base: string;
  readonly temporary: string;
  readonly mark: string;
  readonly log: string;
  readonly signal: NodeJS.Signals | null;
}

/** A whole run of exec under strace. */
async function run(t: TestContext, inject: readonly string[]): Promise<Trial> {
  const base = freshDirectory(t);
  const temporary = join(base, 'temporary');
  mkdirSync(temporary);
  const mark = createMark(t);
  const log = join(base, 'log');
  const options = ['--base', base, '--scratch', '--kill-tree', '--defer', `echo ran >> ${base}/proof`];
  const program = `'${process.execPath}' '${commandLinePath}' defer -- sh -c 'echo inside >> ${base}/proof'`;
  const tracer = ['-f', '-qq', '-o', log, '-e', `trace=${CALLS.map(call => `?${call}`).join()}`, ...inject];
  const wrapper = spawn(
    'strace',
    [...tracer, process.execPath, commandLinePath, 'exec', ...options, '--', 'sh', '-c', program],
    {
      env: { ...plainEnvironment(), TMPDIR: temporary, XDG_RUNTIME_DIR: '', [MARK_VARIABLE]: mark },
      stdio: 'ignore',
    },
  );
  const [, signal] = (await once(wrapper, 'exit')) as [number | null, NodeJS.Signals | null];
  return { base, temporary, mark, log, signal };
}

test('whichever call the wrapper is killed at, a sweep leaves nothing of its job', {
  skip: straceMissing,
}, async t => {
  const whole = await run(t, []);
  assert.equal(readFileSync(join(whole.base, 'proof'), 'utf8'), 'inside\nran\n');
  const lines = readFileSync(whole.log, 'utf8').split('\n');
  const main = /^(\d+)/.exec(lines[0]!)?.[1];
  const counts = new Map<string, number>();
  const points: string[] = [];
  for (const line of lines) {
    const [, pid, call = ''] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (pid !== main || call === '') continue;
    const number = (counts.get(call) ?? 0) + 1;
    counts.set(call, number);
    // Of the many writes, which wake its threads, those of records: "kind" is in each.
    if (call !== 'write' || line.includes('kind'))
      points.push(`inject=${call}:signal=SIGKILL:when=${number}`);
  }
  assert.ok(points.length > 20, `${points}`);
  const left = sample(points, 10);
  const trials = left.length;
  let killed = 0;
  const walk = async (): Promise<void> => {
    for (let point = left.shift(); point !== undefined; point = left.shift()) {
      const trial = await run(t, ['-e', point]);
      if (trial.signal === 'SIGKILL') killed++;
      const report = await sweepFreed(trial.base);
      assert.equal(report.failed, 0, `${point}: ${JSON.stringify(report)}`);
      assert.deepEqual(readdirSync(trial.temporary), [], `${point}: ${JSON.stringify(report)}`);
      assert.deepEqual(markedProcesses(trial.mark), [], point);
      const directory = join(trial.base, 'deferred');
      if (existsSync(directory))
        assert.deepEqual(readdirSync(directory), [], `${point}: ${JSON.stringify(report)}`);
    }
  };
  await Promise.all([walk(), walk(), walk()]);
  t.diagnostic(`killed at ${killed} of ${trials} calls, of ${points.length}`);
  assert.ok(killed > trials / 2);
});
