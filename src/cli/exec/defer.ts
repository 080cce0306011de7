/**
 * The verbs `defer` and `cancel`: a command registered with the job of `exec` from inside of it, and taken back. What they say
 * to the wrapper, and it to them, is one line of JSON each, over a UNIX socket. Only the wrapper writes to the state file, so
 * that many commands at once lose nothing.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { unlessRefused } from '../../errors.ts';
import { findProgram } from '../../function/command.ts';
import { variable } from '../../function/environment.ts';
import type { Arguments } from '../arguments.ts';
import { UsageError } from '../exit.ts';
import { print, say } from '../output/output.ts';
import { commandOf, isCommandLineTextual } from './command-line.ts';

const EXIT_REFUSED = 1;
const EXIT_NO_JOB = 3;

/** In the environment of the wrapped program: where the wrapper listens. */
export const SOCKET_VARIABLE = 'DEFERRED_SWEEP_SOCKET';

/** The most that one side says. A longer command line would not fit into a record either. */
export const MAX_MESSAGE_BYTES: number = 1024 * 1024;

export interface JobCommand {
  readonly file: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export type JobRequest =
  | ({ readonly op: 'defer' } & JobCommand)
  | { readonly op: 'cancel'; readonly id: number };

export type JobAnswer =
  | { readonly id: number }
  | { readonly isCancelled: boolean }
  | { readonly error: string };

/** A wrapper that does not answer for so long is stopped. */
const ANSWER_WITHIN_MS = 30_000;

/** Has the wrapper register a command, and prints its ID when that is done. @throws UsageError */
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
    print(`${answer.id}\n`);
    return 0;
  });
}

/** Returns 0 when the command will not run, 1 when it has run, runs or was taken back before. @throws UsageError */
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

/** @throws Error when there is no wrapper, or it went away before it answered */
async function ask(path: string, request: JobRequest): Promise<JobAnswer> {
  let isSent = false;
  try {
    const socket = connect({ path });
    const late = new Error(`no answer within ${ANSWER_WITHIN_MS} ms`);
    socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy(late));
    await once(socket, 'connect');
    isSent = true;
    socket.write(`${JSON.stringify(request)}\n`);
    let answer = '';
    for await (const part of socket.setEncoding('utf8')) {
      answer += part;
      if (answer.length > MAX_MESSAGE_BYTES) throw new Error('its answer has no end');
    }
    if (!answer.endsWith('\n')) throw new Error('its wrapper has ended');
    return JSON.parse(answer) as JobAnswer;
  } catch (error) {
    const outcome = isSent ? 'it is not known whether it has done it' : 'nothing was done';
    throw new Error(`cannot reach the job at ${path}: ${(error as Error).message}; ${outcome}`);
  }
}
