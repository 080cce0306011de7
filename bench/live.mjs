/** Processes that hold jobs open. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { programOf } from './harness.mjs';

/** Starts a program and resolves when it has said that it is there. Its `said` is what it said. */
export async function start(program, argv, options = {}) {
  const child = fork(programOf(program), argv, { execArgv: [], ...options });
  const [said] = await Promise.race([once(child, 'message'), failed(child, program)]);
  child.said = said;
  return child;
}

async function failed(child, program) {
  const [code, signal] = await once(child, 'exit');
  throw new Error(`${program} ended: ${code ?? signal}`);
}

/** A process with `count` open jobs in `base`. */
export function liveOwners(build, base, count) {
  return start('live-owners.mjs', [build, base, `${count}`]);
}

/** Kills a process that `start` started, and waits for its end. */
export async function kill(child) {
  const end = once(child, 'exit');
  child.kill('SIGKILL');
  await end;
}
