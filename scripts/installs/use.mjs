// README's first program and the command line, used in a project that has the package.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, options, root } from './work.mjs';

/**
 * README's first program dies and leaves its directory; the command line removes it. `run` makes a command line of a
 * program and its arguments, where `deferred-sweep` is the package's. `program` is what has become of README's. True if
 * all held.
 */
export function useIt(what, project, run, program = 'worker.mjs') {
  writeReadmeProgram(project);
  const worker = spawnSync(...run([program]), options(project));
  const left = scratchDirectories(project);
  // Yarn says 129 where a shell would say 137.
  if (worker.status === 0) return fail(`${what}: the worker was not killed`, worker.stdout);
  if (left.length !== 1)
    return fail(`${what}: the worker left ${left.length} scratch directories`, worker.stdout + worker.stderr);
  if (!requireIt(what, project, run)) return;
  const cli = spawnSync(...run(['deferred-sweep', 'node-state']), options(project));
  const stillThere = scratchDirectories(project);
  if (cli.status !== 0 || stillThere.length > 0) {
    for (const name of stillThere) rmSync(join(project, name), { recursive: true, force: true });
    return fail(`${what}: the command line, status ${cli.status}`, cli.stdout + cli.stderr);
  }
  if (worker.stderr !== '' || cli.stderr !== '')
    return fail(`${what}: something on stderr`, worker.stderr + cli.stderr);
  console.log(`ok: ${what}`);
  return true;
}

/** Each entry point by require(), without a warning. True if all held. */
function requireIt(what, project, run) {
  const program = `
    if (!require('deferred-sweep').sweep) process.exit(9);
    if (!require('deferred-sweep/lock').tryLock) process.exit(10);
    if (!require('deferred-sweep/actions')) process.exit(11);`;
  const { status, stderr } = spawnSync(...run(['-e', program]), options(project));
  if (status === 0 && stderr === '') return true;
  fail(`${what}: require() of the package, status ${status}`, stderr);
  return false;
}

function scratchDirectories(project) {
  return readdirSync(project).filter(name => name.startsWith('scratch-'));
}

/** As worker.mjs. */
export function writeReadmeProgram(project) {
  const [, program] = /```js\n(\/\/ worker\.mjs[\s\S]*?)```/.exec(
    readFileSync(join(root, 'README.md'), 'utf8'),
  );
  writeFileSync(join(project, 'worker.mjs'), program);
}
