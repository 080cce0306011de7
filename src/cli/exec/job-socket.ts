/** The wrapper's side of the channel: a socket in a directory that only its user may enter. */
import { once } from 'node:events';
import { accessSync, constants, statSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { temporaryDirectory } from '../../actions/temporary-directory.ts';
import { DeferredSweepError, unlessRefused } from '../../errors.ts';
import type { Job } from '../../job/job.ts';
import { type JobAnswer, type JobRequest, MAX_MESSAGE_BYTES } from './job-channel.ts';

/** Of `sun_path`: 104 bytes with its NUL on macOS, 108 on Linux. */
const MAX_SOCKET_PATH_BYTES = 103;
const PREFIX = 'ds-';
/** What is added to the directory: a slash, the prefix, a token of 22 characters, and `/job`. */
const ADDED_BYTES = 1 + PREFIX.length + 22 + 4;

/** A client that says nothing for so long is gone. */
const REQUEST_WITHIN_MS = 30_000;

export interface JobSocket {
  readonly path: string;
  /** No other client is let in. Those that are get their answer: a job that has ended refuses. */
  stopListening(): void;
  /** Clients that have not asked yet are dropped: they must not keep this process. */
  hangUp(): void;
}

/**
 * Answers requests until it is closed. Its directory is registered for removal with the job first.
 * @throws what `job.defer` throws; Error of Node's shape; `DEFERRED_UNSUPPORTED` when no place will do
 */
export async function openJobSocket(
  job: Job,
  answer: (request: JobRequest) => JobAnswer,
): Promise<JobSocket> {
  const path = join(
    temporaryDirectory(job, { parent: chooseParent(dirname(job.path)), prefix: PREFIX }),
    'job',
  );
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, socket => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    serve(socket, answer);
  });
  server.listen({ path });
  await once(server, 'listening');
  return {
    path,
    stopListening: () => void server.close(),
    hangUp: () => {
      for (const socket of open) socket.destroySoon();
    },
  };
}

/** @param stateDirectory - the last one, since its path may be long: nothing else need be writable */
function chooseParent(stateDirectory: string): string {
  const places = [process.env.XDG_RUNTIME_DIR, tmpdir(), '/tmp', stateDirectory];
  const chosen = places.find(
    place =>
      place !== undefined &&
      Buffer.byteLength(place) + ADDED_BYTES <= MAX_SOCKET_PATH_BYTES &&
      unlessRefused(() => isWritable(place), false),
  );
  if (chosen !== undefined) return chosen;
  throw new DeferredSweepError(
    'DEFERRED_UNSUPPORTED',
    `cannot make a socket for the job: of XDG_RUNTIME_DIR, TMPDIR, /tmp and ${stateDirectory} none is a directory to write to with a short path`,
  );
}

/** After `su` XDG_RUNTIME_DIR may be another user's. */
function isWritable(place: string): boolean {
  accessSync(place, constants.W_OK | constants.X_OK);
  return statSync(place).isDirectory();
}

function serve(socket: Socket, answer: (request: JobRequest) => JobAnswer): void {
  let text = '';
  socket.setTimeout(REQUEST_WITHIN_MS, () => socket.destroy());
  // The client is gone: there is no one to tell.
  socket.on('error', () => socket.destroy());
  socket.setEncoding('utf8').on('data', (data: string) => {
    text += data;
    if (text.length > MAX_MESSAGE_BYTES) socket.end(line({ error: 'the command line is too long' }));
    else if (text.endsWith('\n')) socket.end(line(answerTo(text, answer)));
  });
  // It ended before its line did: it did not ask.
  socket.on('end', () => socket.end());
}

function line(answer: JobAnswer): string {
  return `${JSON.stringify(answer)}\n`;
}

function answerTo(text: string, answer: (request: JobRequest) => JobAnswer): JobAnswer {
  try {
    return answer(JSON.parse(text) as JobRequest);
  } catch (error) {
    // Whatever the job refuses is the client's to hear; the program goes on.
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
