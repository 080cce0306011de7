/** A wake-up of Node's thread pool that the C library loses costs a second, not for ever: `lost_wake_up.c` loses one. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { read } from '../helpers/calls.ts';
import { commandLinePath, packageRoot, plainEnvironment } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { makeProject, runNode } from '../helpers/program.ts';
import { sample } from '../helpers/size.ts';

const MANY_MS = 30_000;

function whatIsMissing(): string | false {
  if (process.platform !== 'linux') return 'NOT TESTED: wake-ups are lost by LD_PRELOAD, on Linux only';
  return spawnSync('gcc', ['--version']).error ? 'NOT TESTED: gcc is not installed' : false;
}

const skip = whatIsMissing();

/**
 * Runs the command, in which the wake-up of this number is lost, as in the runners it starts.
 * @param only - a part of the command line of the processes that lose one
 */
function run(t: TestContext, number: number, args: readonly string[], only?: string) {
  const library = join(freshDirectory(t), 'lost_wake_up.so');
  const source = join(packageRoot, 'test/helpers/lost_wake_up.c');
  execFileSync('gcc', ['-Wall', '-Werror', '-fPIC', '-shared', source, '-o', library, '-ldl']);
  const env = {
    ...plainEnvironment(),
    LD_PRELOAD: library,
    LOST_WAKE_UP: String(number),
    ...(only !== undefined && { LOST_WAKE_UP_IN: only }),
  };
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [commandLinePath, ...args], {
    env,
    encoding: 'utf8',
    timeout: MANY_MS,
    killSignal: 'SIGKILL',
  });
  return { status, signal, stdout, isLost: stderr.includes('a wake-up was lost') };
}

/** By later ones Node 22 and newer end the pool's threads, in their own exit: no program of theirs could mend that. */
const losesAtExit = Number.parseInt(process.versions.node, 10) >= 22;

for (const number of losesAtExit ? [1, 2, 3] : [1, 2, 3, 4])
  test(`a command whose wake-up number ${number} is lost ends`, { skip }, t => {
    const base = freshDirectory(t);
    const { status, signal, isLost } = run(t, number, ['exec', '--base', base, '--', 'true']);
    assert.deepEqual([status, signal], [0, null]);
    // Newer versions of Node ask the pool for less.
    if (number === 1) assert.equal(isLost, true);
    else if (!isLost) t.diagnostic(`NOT TESTED: there is no wake-up number ${number}`);
  });

for (const number of sample([1, 2, 3, 4, 5, 6], 3))
  test(`a function for which wake-up number ${number} of its runner is lost is done in its first attempt`, {
    skip,
  }, t => {
    const project = makeProject(t, {
      'main.mjs': `
        import { DeferredFunctionManager } from 'deferred-sweep';
        import { promises } from 'node:fs';
        const job = await new DeferredFunctionManager(process.env.BASE, { logger: null }).open();
        job.defer(promises.appendFile, process.env.LEDGER, 'done\\n');
        process.kill(process.pid, 'SIGKILL');`,
    });
    assert.equal(runNode(project, ['main.mjs']).signal, 'SIGKILL');
    const only = losesAtExit ? '/runner/main.js' : undefined;
    const { status, stdout } = run(t, number, ['sweep', project.base, '--json'], only);
    assert.equal(status, 0, stdout);
    assert.match(stdout, /"attempt":1\b/);
    assert.deepEqual(read(project.ledger), ['done']);
  });
