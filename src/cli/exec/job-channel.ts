/**
 * What `defer` and `cancel` say to the wrapper, and it to them: one line of JSON each, over a UNIX socket. Only the
 * wrapper writes to the state file, so that many commands at once lose nothing.
 */
import { connect } from 'node:net';

/** In the environment of the wrapped program: where the wrapper listens. */
export const SOCKET_VARIABLE = 'DEFERRED_SWEEP_SOCKET';

/** The most that one side says. A longer command line would not fit into a record either. */
export const MAX_MESSAGE_BYTES: number = 1024 * 1024;

export type JobRequest =
  | {
      readonly op: 'defer';
      readonly file: string;
      readonly argv: readonly string[];
      readonly cwd: string;
      readonly env: Readonly<Record<string, string>>;
    }
  | { readonly op: 'cancel'; readonly id: number };

export type JobAnswer =
  | { readonly id: number }
  | { readonly isCancelled: boolean }
  | { readonly error: string };

/** A wrapper that does not answer for so long is stopped. */
const ANSWER_WITHIN_MS = 30_000;

/** There is no wrapper, or it went away before it answered. */
export class NoWrapperError extends Error {}

/** @throws NoWrapperError */
export function ask(path: string, request: JobRequest): Promise<JobAnswer> {
  return new Promise((resolve, reject) => {
    let answer = '';
    let isSent = false;
    const fail = (why: string): void => {
      socket.destroy();
      const outcome = isSent ? 'it is not known whether it has done it' : 'nothing was done';
      reject(new NoWrapperError(`cannot reach the job at ${path}: ${why}; ${outcome}`));
    };
    const socket = connect({ path }, () => {
      isSent = true;
      socket.write(`${JSON.stringify(request)}\n`);
    });
    socket.setTimeout(ANSWER_WITHIN_MS, () => fail(`no answer within ${ANSWER_WITHIN_MS} ms`));
    socket.on('error', error => fail(error.message));
    socket.setEncoding('utf8').on('data', (data: string) => {
      answer += data;
      if (answer.length > MAX_MESSAGE_BYTES) fail('its answer has no end');
    });
    socket.on('end', () => {
      if (!answer.endsWith('\n')) return fail('its wrapper has ended');
      socket.end();
      resolve(JSON.parse(answer) as JobAnswer);
    });
  });
}
