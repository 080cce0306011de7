/**
 * The job around a program: what is registered with it, by the wrapper and from inside. Programs inside ask over a socket in
 * a directory that only its user may enter.
 */
import { once } from 'node:events';
import { accessSync, constants, statSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { deferEnd } from '../../actions/by-name.ts';
import { describeMarked } from '../../actions/end-processes.ts';
import { temporaryDirectory } from '../../actions/temporary-directory.ts';
import { withToken } from '../../actions/token.ts';
import { DeferredSweepError, unlessRefused } from '../../errors.ts';
import { DeferredFunction } from '../../function/deferred-function.ts';
import type { Job, Registration } from '../../job/job.ts';
import { type JobAnswer, type JobCommand, type JobRequest, MAX_MESSAGE_BYTES } from './defer.ts';

const KILL_GRACE_MS = 5000;
/** Of `sun_path`: 104 bytes with its NUL on macOS, 108 on Linux. */
const MAX_SOCKET_PATH_BYTES = 103;
const PREFIX = 'ds-';
/** What is added to the directory: a slash, the prefix, a token of 22 characters, and `/job`. */
const ADDED_BYTES = 1 + PREFIX.length + 22 + 4;
/** A client that says nothing for so long is gone. */
const REQUEST_WITHIN_MS = 30_000;

/** A job that runs what was registered last first. */
export class ExecJob {
  readonly #job: Job;
  readonly #registrations = new Map<number, Registration>();
  readonly #clients = new Set<Socket>();
  readonly #server = createServer({ allowHalfOpen: true }, socket => this.#serve(socket));
  #end: { readonly registration: Registration; readonly defer: () => Registration } | undefined;

  constructor(job: Job) {
    this.#job = job;
  }

  /**
   * Answers requests until it is closed. Returns the path of the socket, whose directory is registered for removal first.
   * @throws what `job.defer` throws; Error of Node's shape; `DEFERRED_UNSUPPORTED` when no place will do
   */
  async listen(): Promise<string> {
    const parent = chooseParent(dirname(this.#job.path));
    const path = join(temporaryDirectory(this.#job, { parent, prefix: PREFIX }), 'job');
    this.#server.listen({ path });
    await once(this.#server, 'listening');
    return path;
  }

  /**
   * Registers the end of the tree of a program that is about to start: returns `env` with what finds it. It stays the last
   * registered, so that it is the first to run, also in a sweep: nothing is removed under a process that still uses it.
   */
  deferEndOfTree(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const marked = describeMarked(KILL_GRACE_MS);
    const defer = (): Registration => this.#job.defer(deferEnd(marked));
    this.#end = { registration: defer(), defer };
    return withToken(env, marked.token);
  }

  /** @throws as `job.defer` */
  defer({ file, argv, cwd, env }: JobCommand): number {
    const registration = this.#job.defer(DeferredFunction.command(file, argv, { cwd, env: { ...env } }));
    this.#registrations.set(registration.id, registration);
    if (this.#end !== undefined) {
      // First the new one: at no moment is there none.
      const before = this.#end.registration;
      this.#end = { ...this.#end, registration: this.#end.defer() };
      before.cancel();
    }
    return registration.id;
  }

  /** Ends the program's tree, then the job; that tries again what failed. */
  async close(): Promise<void> {
    // No other client is let in. Those that are get their answer: a job that has ended refuses.
    this.#server.close();
    await this.#end?.registration.run();
    await this.#job.close();
    // Clients that have not asked yet are dropped: they must not keep this process.
    for (const socket of this.#clients) socket.destroySoon();
  }

  #serve(socket: Socket): void {
    this.#clients.add(socket);
    socket.once('close', () => this.#clients.delete(socket));
    let text = '';
    socket.setTimeout(REQUEST_WITHIN_MS, () => socket.destroy());
    // The client is gone: there is no one to tell.
    socket.on('error', () => socket.destroy());
    socket.setEncoding('utf8').on('data', (data: string) => {
      text += data;
      if (text.length > MAX_MESSAGE_BYTES) socket.end(line({ error: 'the command line is too long' }));
      else if (text.endsWith('\n')) socket.end(line(this.#answer(text)));
    });
    // It ended before its line did: it did not ask.
    socket.on('end', () => socket.end());
  }

  #answer(text: string): JobAnswer {
    try {
      const request = JSON.parse(text) as JobRequest;
      if (request.op === 'defer') return { id: this.defer(request) };
      return { isCancelled: this.#registrations.get(request.id)?.cancel() ?? false };
    } catch (error) {
      // The client tells its user why the job refuses. The program goes on.
      return { error: error instanceof Error ? error.message : String(error) };
    }
  }
}

function line(answer: JobAnswer): string {
  return `${JSON.stringify(answer)}\n`;
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
