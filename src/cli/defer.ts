/** The verbs `defer` and `cancel`: a command registered with the job of `exec` from inside of it, and taken back. */
import { unlessRefused } from '../errors.ts';
import { findProgram } from '../function/command.ts';
import { variable } from '../function/environment.ts';
import type { Arguments } from './arguments.ts';
import { commandOf } from './exec/command-of.ts';
import { ask, type JobAnswer, type JobRequest, SOCKET_VARIABLE } from './exec/job-channel.ts';
import { UsageError } from './exit.ts';
import { say } from './output/output.ts';
import { isCommandLineTextual } from './textual.ts';

const EXIT_REFUSED = 1;
const EXIT_NO_JOB = 3;

/**
 * Has the wrapper register a command, and prints its ID when that is done.
 * @throws UsageError
 */
export async function runDefer(line: Arguments): Promise<number> {
  const { env } = process;
  const [command, argv] = commandOf('defer', 'command', line);
  const variables = line.texts('env');
  if (!isCommandLineTextual())
    return fail('defer', 'an argument is not UTF-8, and could not be stored as it is');
  const file = findProgram(command, env.PATH);
  if (file === undefined) {
    const advice = 'install it, or give its path; nothing was registered';
    return fail('defer', `there is no program ${command} that this user may run; ${advice}`);
  }
  const missing = variables.find(name => variable(name) === undefined);
  if (missing !== undefined) return fail('defer', `the variable ${missing} of --env is not set`);
  const kept = ['PATH', 'TMPDIR', ...variables].flatMap(name => (name in env ? [[name, env[name]!]] : []));
  const cwd = unlessRefused(() => process.cwd(), undefined);
  if (cwd === undefined) return fail('defer', 'the working directory was removed; nothing was registered');
  const request = { op: 'defer', file, argv, cwd, env: Object.fromEntries(kept) } as const;
  return await askJob('defer', request, answer => {
    if (!('id' in answer)) return EXIT_REFUSED;
    process.stdout.write(`${answer.id}\n`);
    return 0;
  });
}

/**
 * Returns 0 when the command will not run, 1 when it has run, runs or was taken back before.
 * @throws UsageError
 */
export async function runCancel({ operands }: Arguments): Promise<number> {
  const [word = ''] = operands;
  if (operands.length !== 1 || !/^\d{1,15}$/.test(word)) {
    const got = operands.join(' ') || 'nothing';
    throw new UsageError(`cancel takes one ID, a number that defer has printed, got ${got}`);
  }
  const id = Number(word);
  return await askJob('cancel', { op: 'cancel', id }, answer =>
    'isCancelled' in answer && answer.isCancelled ? 0 : fail('cancel', `no command ${id} is waiting`),
  );
}

/** Asks the wrapper, and tells of what it refuses; `use` makes the exit status of any other answer. */
async function askJob(
  verb: string,
  request: JobRequest,
  use: (answer: JobAnswer) => number,
): Promise<number> {
  const path = process.env[SOCKET_VARIABLE];
  if (!path) {
    fail(verb, `${SOCKET_VARIABLE} is not set: run this inside of deferred-sweep exec`);
    return EXIT_NO_JOB;
  }
  let answer: JobAnswer;
  try {
    answer = await ask(path, request);
  } catch (error) {
    fail(verb, (error as Error).message);
    return EXIT_NO_JOB;
  }
  return 'error' in answer ? fail(verb, answer.error) : use(answer);
}

function fail(verb: string, why: string): number {
  say(`${verb}: ${why}`);
  return EXIT_REFUSED;
}
