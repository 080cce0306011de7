/** The main thread's side of a session. */
import { EventEmitter } from 'node:events';
import { Worker } from 'node:worker_threads';
import { DeferredSweepError, type DeferredSweepErrorCode } from '../../errors.ts';
import { reportError } from '../../report/reported-error.ts';
import { unlessAborted } from '../../stop.ts';
import { notConnected } from './driver.ts';
import type {
  Answer,
  CallMessage,
  CallName,
  Calls,
  Failure,
  FromThread,
  LimitedCall,
  SessionConfig,
  SessionEvents,
  ToThread,
} from './messages.ts';

/** A call that was not answered. Only between the files of this package: users get a {@link DeferredSweepError}. */
export class CallFailure extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.error.message);
    this.failure = failure;
  }
}

interface Waiting {
  readonly resolve: (answer: Answer<CallName>) => void;
  readonly reject: (error: CallFailure) => void;
}

/** A connection in a thread of its own. Its events say what happens to the locks that it holds. */
export class Session extends EventEmitter<SessionEvents> {
  readonly warnings: readonly string[];
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #number = 0;
  #closing: Promise<void> | undefined;
  #hasEnded = false;

  private constructor(worker: Worker, warnings: readonly string[]) {
    super();
    this.setMaxListeners(0);
    this.#worker = worker;
    this.warnings = warnings;
    worker.on('message', (message: FromThread) => this.#take(message));
    worker.on('exit', () => this.#end('the session thread has ended'));
    worker.on('error', error => this.#end(error.message));
    worker.unref();
  }

  /**
   * Starts the thread and connects, unless `stop` comes first.
   * @param connecting - told to which address
   * @throws DeferredSweepError by the codes of `prepare`; `DEFERRED_DATABASE` where there is no connection; `DEFERRED_CLOSED`
   */
  static async open(
    workerData: SessionConfig,
    stop: AbortSignal,
    connecting: (address: string) => void,
  ): Promise<Session> {
    // The path is that from dist/chunks/, where this module is bundled. Without execArgv no loader costs time.
    const worker = new Worker(new URL('../postgres/session/main.js', import.meta.url), {
      workerData,
      execArgv: [],
      name: 'deferred-sweep session',
    });
    const said = new Promise<FromThread>((resolve, reject) => {
      const take = (message: FromThread): void => {
        if (message.kind === 'connecting') connecting(message.address);
        else {
          worker.off('message', take);
          resolve(message);
        }
      };
      worker.on('message', take).once('error', reject);
      worker.once('exit', () => reject(new Error('the session thread has ended')));
    }).catch(error => {
      throw notConnected(reportError(error).message, error);
    });
    const message = await unlessAborted(said, stop);
    if (message?.kind === 'opened') return new Session(worker, message.warnings);
    await worker.terminate();
    if (message !== undefined) throw refused(message);
    throw new DeferredSweepError('DEFERRED_CLOSED', 'cannot connect to PostgreSQL: the manager was closed');
  }

  /**
   * Asks the server, and asks again after each reattachment until the time is over.
   * @throws CallFailure
   */
  async call<N extends CallName>(
    name: N,
    request: Calls[N]['request'],
    timeoutMs: number,
  ): Promise<Answer<N>> {
    if (this.#closing !== undefined || this.#hasEnded)
      throw new CallFailure(lost('the session is closed', false));
    const number = this.#number++;
    const answered = new Promise<Answer<CallName>>((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
    });
    // A call that is waited for keeps the process alive; an open session does not.
    this.#worker.ref();
    try {
      this.#post({ kind: 'call', number, name, request, timeoutMs } as CallMessage);
      return (await answered) as Answer<N>;
    } finally {
      this.#waiting.delete(number);
      if (this.#waiting.size === 0 && this.#closing === undefined) this.#worker.unref();
    }
  }

  /** Tells the thread of a call that was given up. */
  tell(kind: 'left' | 'settled', { handler, timeoutMs }: LimitedCall): void {
    if (!this.#hasEnded) this.#post({ kind, call: { handler, timeoutMs } });
  }

  /** Ends the connection, and with it every lock. */
  close(): Promise<void> {
    this.#closing ??= new Promise(resolve => {
      if (this.#hasEnded) return resolve();
      this.#worker.ref();
      this.once('ended', resolve);
      this.#post({ kind: 'close' });
    });
    return this.#closing;
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #take(message: FromThread): void {
    switch (message.kind) {
      case 'answer':
        this.#waiting.get(message.number)?.resolve(message);
        break;
      case 'failure':
        this.#waiting.get(message.number)?.reject(new CallFailure(message.failure));
        break;
      case 'event': {
        const [name, ...args] = message.event;
        this.emit(name, ...args);
        break;
      }
      case 'ask':
        this.#post({ kind: 'here' });
        break;
    }
  }

  #end(reason: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const { reject } of this.#waiting.values()) reject(new CallFailure(lost(reason, true)));
    this.emit('ended');
  }
}

function lost(message: string, mayBeDone: boolean): Failure {
  return { reason: 'lost', error: { name: 'Error', message }, mayBeDone };
}

/** Errors cross the threads as data; ours come back as what they were. */
function refused(message: FromThread): DeferredSweepError {
  if (message.kind !== 'refused') throw new TypeError(`the session thread began with ${message.kind}`);
  const { error } = message;
  if (error.name === DeferredSweepError.prototype.name && error.code !== undefined)
    return new DeferredSweepError(error.code as DeferredSweepErrorCode, error.message);
  const cause = Object.assign(new Error(error.message), { name: error.name, code: error.code });
  return notConnected(error.message, cause);
}
