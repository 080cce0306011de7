/**
 * The session thread: keeps the connection with the locks alive, also while the main thread is blocked. Its entry is `main.ts`.
 *
 * 1. A call is sent, and sent again after each reattachment, until it is answered, fenced, or its time is over. So each
 *    call that is repeated must change nothing the second time; the others fail with the connection.
 * 2. Every call of a hold carries the attachment of the session that speaks. What a former session still has in flight
 *    is refused by the server.
 */
import { setMaxListeners } from 'node:events';
import { reportError } from '../../report/reported-error.ts';
import { unlessAborted } from '../../stop.ts';
import { BlockedGuard } from './blocked-guard.ts';
import { ServerCalls, type ServerStanding, storable } from './calls.ts';
import type { PgClient } from './driver.ts';
import { Link, LinkLost, Unconfirmed } from './link.ts';
import type {
  CallMessage,
  CallName,
  Calls,
  Failure,
  Fate,
  FromThread,
  Hold,
  SessionConfig,
  Standing,
  ToThread,
} from './messages.ts';
import { pause } from './patience.ts';
import { isTransient } from './prepare.ts';

/** What must be on the synchronous standby, where there is one, before it is answered. */
const DURABLE: readonly CallName[] = ['register', 'cancel', 'next', 'end'];

export class SessionThread {
  readonly #say: (message: FromThread) => void;
  readonly #server: ServerCalls;
  readonly #link: Link;
  readonly #holds = new Map<string, Hold>();
  /** Owners that could not be retired. */
  readonly #abandoned = new Set<string>();
  readonly #closed = new AbortController();
  readonly #guard: BlockedGuard | undefined;

  constructor(config: SessionConfig, say: (message: FromThread) => void) {
    this.#say = say;
    setMaxListeners(0, this.#closed.signal);
    if (config.endBlockedAfterMs !== null)
      this.#guard = new BlockedGuard(config.endBlockedAfterMs, () => say({ kind: 'ask' }));
    this.#server = new ServerCalls(config.schema);
    this.#link = new Link(config, say, client => this.#reattach(client));
  }

  async open(): Promise<void> {
    try {
      const warnings = await this.#link.open();
      this.#say({ kind: 'opened', warnings });
    } catch (error) {
      this.#say({ kind: 'refused', error: reportError(error) });
    }
  }

  /** Resolves when the message is dealt with. */
  async take(message: ToThread): Promise<void> {
    this.#guard?.take(message);
    if (message.kind === 'call') await this.#call(message);
    if (message.kind !== 'close') return;
    this.#closed.abort();
    await this.#link.close();
  }

  async #call(message: CallMessage): Promise<void> {
    const { number, name } = message;
    const until = performance.now() + message.timeoutMs;
    let isOver = false;
    let isOnItsWay = false;
    let sent = 0;
    let why = `no answer of the server within ${message.timeoutMs} ms`;
    const fail = (reason: Failure['reason'], error: unknown, mayBeDone: boolean): void => {
      if (!isOver)
        this.#say({ kind: 'failure', number, failure: { reason, error: reportError(error), mayBeDone } });
      isOver = true;
      if (message.name === 'retire') this.#abandon(message.request.key, reason);
    };
    const late = (): void => fail('late', new Error(why + this.#link.trouble), sent > 0);
    const timer = setTimeout(() => {
      // What may start an attempt is waited for as long as the link has patience: the attempt counts, and is to be made.
      if (name !== 'next' || !isOnItsWay) late();
    }, message.timeoutMs);
    const ask = async (client: PgClient): Promise<Calls[CallName]['answer'] | undefined> => {
      // Its time may have ended while others had their turn.
      if ((isOver || performance.now() >= until) && !this.#isAbandoned(message)) return void late();
      isOnItsWay = true;
      sent += 1;
      return await this.#perform(client, message);
    };
    try {
      while (!isOver || this.#isAbandoned(message)) {
        if (this.#closed.signal.aborted) return fail('lost', new Error('the session is closed'), sent > 0);
        try {
          const value = await this.#link.use(ask, DURABLE.includes(name));
          if (value === undefined) continue;
          if (isOver) return await this.#undo(message, value);
          isOver = true;
          if (name === 'next') this.#guard?.begun((value as Calls['next']['answer']).started);
          return this.#say({ kind: 'answer', number, value, mayBeDone: sent > 1 });
        } catch (error) {
          isOnItsWay = false;
          if (error instanceof LinkLost) {
            if (!isOver && performance.now() >= until) late();
            // Not sent twice: what the first sending took would be lost.
            if (name === 'takeOver' && sent > 0) return fail('lost', error, true);
            await unlessAborted(this.#link.connected, this.#closed.signal);
          } else if (error instanceof Unconfirmed || isTransient(error)) {
            const what = error instanceof Unconfirmed ? 'a warning' : 'an error';
            why = `no answer without ${what} within ${message.timeoutMs} ms, the last: ${error.message}`;
            // A server that warns each time, or is full of deadlocks, is not helped by asking at once.
            await unlessAborted(pause(sent), this.#closed.signal);
          } else return fail('statement', error, sent > 1);
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** True of a retirement that is not waited for any more: it goes on as long as this connection has the lock. */
  #isAbandoned({ name, request }: CallMessage): boolean {
    return name === 'retire' && this.#abandoned.has(request.key);
  }

  /** Its functions do not run here any more, so its lock must not come back with the connection. */
  #abandon(key: string, reason: Failure['reason']): void {
    this.#abandoned.add(key);
    if (reason === 'statement') this.#link.drop(`the server does not retire an owner`);
  }

  /** An owner was opened or taken for a caller who no longer waits. */
  async #undo({ name, request }: CallMessage, answer: Calls[CallName]['answer']): Promise<void> {
    if (answer === null) return;
    if (name !== 'openOwner' && name !== 'takeOver') return;
    const { key } = name === 'openOwner' ? (answer as Calls['openOwner']['answer']) : request.orphan;
    await this.#call({ kind: 'call', number: -1, name: 'retire', request: { key }, timeoutMs: 10_000 });
  }

  async #perform(client: PgClient, { name, request }: CallMessage): Promise<Calls[CallName]['answer']> {
    const server = this.#server;
    switch (name) {
      case 'openOwner': {
        const { key, ...hold } = await server.row(client, 'open_owner', request);
        this.#holds.set(key, hold);
        return { key, epoch: hold.epoch };
      }
      case 'register':
      case 'cancel': {
        const hold = this.#holds.get(request.key);
        if (hold === undefined) return 'fenced';
        const { result } = await server.row(client, name, { ...request, ...hold });
        return this.#standing(request.key, result);
      }
      case 'next': {
        const { key, ended, retryDelayMs } = request;
        const hold = this.#holds.get(key);
        if (hold === undefined) {
          const fate = ended && (await this.#end(client, { key, ended, retryDelayMs }));
          return { fate, standing: 'fenced', started: null, buried: [] };
        }
        const given = { ...request, ...hold, ended: storable(ended) };
        const { status, fate, buried, ...started } = await server.row(client, 'start_attempt', given);
        const standing = this.#standing(key, status);
        return { fate, standing, started: started.id === null ? null : started, buried };
      }
      case 'end':
        return await this.#end(client, request);
      case 'orphans':
        return await server.rows(client, 'orphans', request);
      case 'takeOver': {
        const { orphan, ...by } = request;
        // What it holds is no orphan, and its own lock would not refuse it.
        if (this.#holds.has(orphan.key)) return null;
        const [taken] = await server.rows(client, 'take_over', { ...orphan, ...by });
        if (taken === undefined) return null;
        const { attachment, ...answer } = taken;
        this.#holds.set(orphan.key, { epoch: taken.epoch, attachment });
        this.#abandoned.delete(orphan.key);
        return answer;
      }
      case 'retire': {
        const { key } = request;
        const hold = this.#holds.get(key);
        if (hold === undefined) return null;
        const { status, pending } = await server.row(client, 'retire', { key, ...hold });
        if (status === 'stale') throw new LinkLost('another session of this owner came between');
        this.#holds.delete(key);
        this.#abandoned.delete(key);
        return status === 'ok' ? pending : null;
      }
    }
  }

  async #end(client: PgClient, request: Calls['end']['request']): Promise<Fate> {
    const given = { ...request, ended: storable(request.ended) };
    return (await this.#server.row(client, 'end_attempt', given)).result;
  }

  #standing(key: string, standing: ServerStanding): Standing {
    // A reattachment that was given up was done late, after this one: attach again, to be the last.
    if (standing === 'stale') throw new LinkLost('another session of this owner came between');
    if (standing === 'fenced') this.#fence(key);
    return standing;
  }

  #fence(key: string): void {
    if (this.#holds.delete(key)) this.#say({ kind: 'event', event: ['fenced', key] });
  }

  async #reattach(client: PgClient): Promise<void> {
    for (const key of this.#abandoned) this.#holds.delete(key);
    this.#abandoned.clear();
    if (this.#holds.size === 0) return;
    for (const { key, status, attachment } of await this.#server.reattach(client, [...this.#holds])) {
      // A sweeper that has it for a moment either takes it, or lets go: the next connection finds out.
      if (status === 'contended') throw new LinkLost('a sweeper looks at an owner of this session');
      const hold = this.#holds.get(key)!;
      if (status === 'fenced') this.#fence(key);
      else this.#holds.set(key, { ...hold, attachment });
    }
  }
}
