/**
 * What `defer` and `cancel` say to the wrapper, and it to them: one line of JSON each, over a UNIX socket. Only the
 * wrapper writes to the state file, so that many commands at once lose nothing.
 */
import { once } from 'node:events';
import { connect } from 'node:net';

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

/** @throws Error when there is no wrapper, or it went away before it answered */
export async function ask(path: string, request: JobRequest): Promise<JobAnswer> {
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
