import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

/**
 * No answer for this long means a hang, not a slow machine; only a virtual machine is given longer (`torture/vm/guest.sh`).
 * The only clock of the tests that use children.
 */
const hangMs = Number(process.env.TEST_HANG_MS ?? 60_000);

/** How a child ended: one of the two is null. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  args?: readonly string[];
  /** Additions to the environment; undefined takes a variable away. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Options of Node for the child. */
  execArgv?: readonly string[];
  /** A program and its arguments to run Node under, such as `['strace', '-f']`. */
  under?: readonly [program: string, ...args: string[]];
  /** Descriptors of this process that the child gets as 4, 5, … (3 is the IPC channel). */
  descriptors?: readonly number[];
}

/**
 * Starts `test/fixtures/<fixture>.ts`, compiled, as a process of its own with an IPC channel (see `parent.ts` for its
 * side). At the end of the test the child is killed, with every process it started and did not detach.
 */
export function startChild(t: TestContext, fixture: string, options: ChildOptions = {}): Child {
  const path = fileURLToPath(new URL(`../fixtures/${fixture}.js`, import.meta.url));
  const [execPath, ...execArgv] = [...(options.under ?? []), process.execPath, ...(options.execArgv ?? [])];
  const started = fork(path, options.args ?? [], {
    execPath: execPath!,
    execArgv,
    cwd: options.cwd,
    // A child must not take itself for a part of the test runner.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe', 'ipc', ...(options.descriptors ?? [])],
    serialization: 'advanced',
    detached: true, // its own process group, so that the end of the test finds what the child started, too
  });
  const child = new Child(started, fixture);
  t.after(() => child.end());
  return child;
}

/** A running fixture. Wait for its messages, never for time. */
export class Child {
  /** Resolves when the process has ended, whoever it left its output to. */
  readonly exited: Promise<Exit>;
  /** Resolves when, after that, all it wrote and sent is here: {@link stdout}, {@link stderr}, {@link next}. */
  readonly closed: Promise<Exit>;
  readonly process: ChildProcess;
  readonly #fixture: string;
  readonly #messages: unknown[] = [];
  readonly #output = { stdout: '', stderr: '' };
  #arrival: (() => void) | undefined;
  #startError: Error | undefined;

  constructor(process: ChildProcess, fixture: string) {
    this.process = process;
    this.#fixture = fixture;
    for (const name of ['stdout', 'stderr'] as const) {
      process[name]?.setEncoding('utf8').on('data', (text: string) => {
        this.#output[name] += text;
      });
    }
    process.on('message', message => {
      this.#messages.push(message);
      this.#arrival?.();
    });
    process.on('error', error => {
      this.#startError = error;
      this.#arrival?.();
    });
    this.exited = new Promise(resolve => {
      process.once('exit', (code, signal) => resolve({ code, signal }));
    });
    // Not by the event 'close', which never comes once this side has disconnected (Node 20).
    const disconnected = new Promise(resolve => process.once('disconnect', resolve));
    const read = [process.stdout!, process.stderr!].map(stream => once(stream, 'close'));
    this.closed = Promise.all([this.exited, disconnected, ...read]).then(([exit]) => exit);
  }

  get pid(): number {
    return this.process.pid!;
  }

  get stdout(): string {
    return this.#output.stdout;
  }

  get stderr(): string {
    return this.#output.stderr;
  }

  /**
   * The child's next message. Messages are kept until asked for. Rejects, with what the child wrote to its standard
   * error, if it ended or hangs instead.
   */
  async next<Message>(): Promise<Message> {
    let obituary = `said nothing for ${hangMs} ms`;
    if (this.#messages.length === 0 && this.#startError === undefined) {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, hangMs);
        this.#arrival = () => {
          clearTimeout(timer);
          resolve();
        };
        void this.closed.then(exit => {
          obituary = `has ended: ${JSON.stringify(exit)}`;
          this.#arrival?.();
        });
      });
    }
    if (this.#messages.length > 0) return this.#messages.shift() as Message;
    if (this.#startError !== undefined) throw this.#startError;
    throw new Error(`${this.#fixture} (pid ${this.pid}) ${obituary}\n${this.stderr}`);
  }

  /** Gives the child a message; it takes it with `nextCommand()`. */
  send(message: unknown): void {
    this.process.send(message as object);
  }

  /** {@link send}, then {@link next}. */
  async ask<Message>(message: unknown): Promise<Message> {
    this.send(message);
    return await this.next<Message>();
  }

  /** The channel is closed, and the child has ended because of that (exit code 1). For children under a tracer, too. */
  async abandon(): Promise<Exit> {
    this.process.disconnect();
    return await this.closed;
  }

  /** The child alone has got the signal and has ended of it; what it started lives on until the test ends. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> {
    this.process.kill(signal);
    return await this.exited;
  }

  /** The child and all of its process group are gone. Called at the end of the test. */
  async end(): Promise<void> {
    if (this.process.pid === undefined) return; // it could not be started
    endGroup(this.pid);
    await this.closed;
  }
}

/** A process and all of its group are gone, or will be in an instant. */
export function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // ESRCH: the whole group has ended.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
