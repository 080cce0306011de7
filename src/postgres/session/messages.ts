/** What a manager and its session thread say to each other. Plain data. */
import type { Invocation } from '../../function/current-invocation.ts';
import type { ResolvedClusterOptions } from '../options.ts';
import type { ReportedError } from '../report.ts';
import type { ConnectionOptions } from './driver.ts';

export interface SessionConfig {
  readonly connection: ConnectionOptions;
  /** Quoted where needed. */
  readonly schema: string;
  /** Half of it after ownership became unsure, the thread says `expired`. */
  readonly graceMs: number;
  /** The process is ended where a handler blocks it for longer than its limit and this. Null: never. */
  readonly endBlockedAfterMs: number | null;
}

/** A call of a hold: the thread knows its epoch and attachment. Keys are text: a bigint is no number. */
export interface Calls {
  openOwner: {
    request: Invocation['owner'] &
      Pick<ResolvedClusterOptions, 'pool' | 'label' | 'order' | 'graceMs' | 'restartGraceMs'>;
    answer: Pick<Orphan, 'key' | 'epoch'>;
  };
  register: {
    request: Pick<ResolvedClusterOptions, 'delivery' | 'timeoutMs' | 'maxAttempts'> & {
      key: string;
      ids: readonly number[];
      handlers: readonly string[];
      arguments: readonly Uint8Array[];
    };
    answer: Standing;
  };
  cancel: { request: { key: string; id: number }; answer: Standing };
  /** Ends one attempt, if `ended` is given, and starts the next function after `after`. */
  next: {
    request: {
      key: string;
      ended: EndedAttempt | null;
      call: string;
      runner: string;
      handlers: readonly string[];
      after: number | null;
      retryDelayMs: number;
    };
    answer: {
      fate: Fate | null;
      standing: Standing;
      started: StartedAttempt | null;
      buried: readonly Buried[];
    };
  };
  end: { request: { key: string; ended: EndedAttempt; retryDelayMs: number }; answer: Fate };
  orphans: {
    request: { pool: string; handlers: readonly string[]; limit: number };
    answer: readonly Orphan[];
  };
  takeOver: {
    request: { orphan: Orphan; by: string; graceMs: number; restartGraceMs: number };
    answer: TakenOwner | null;
  };
  /** Lets go of a hold; the answer is how many functions it leaves, or null where it was not ours any more. */
  retire: { request: { key: string }; answer: number | null };
}

export type CallName = keyof Calls;

/** `fenced`: declared dead; nothing was done. */
export type Standing = 'ok' | 'fenced';
/** What became of a function whose attempt ended. `late`: it was decided before. */
export type Fate = 'done' | 'retry' | 'buried' | 'late';

export interface EndedAttempt extends Pick<StartedAttempt, 'id' | 'attempt'> {
  /** Null where the function returned. */
  readonly error: ReportedError | null;
}

export interface StartedAttempt {
  readonly id: number;
  readonly handler: string;
  readonly arguments: Uint8Array;
  readonly attempt: number;
  readonly timeoutMs: number;
  readonly registeredAt: Date;
}

/** A function that was given up without a run. */
export interface Buried extends Pick<StartedAttempt, 'id' | 'handler' | 'attempt'> {
  readonly error: ReportedError;
}

export interface Hold {
  readonly epoch: number;
  readonly attachment: number;
}

export interface Orphan extends Hold {
  readonly key: string;
}

export interface TakenOwner {
  readonly epoch: number;
  readonly label: string | null;
  readonly owner: Invocation['owner'];
}

/** What a call got, and whether an earlier sending of it may have been done, too. */
export interface Answer<N extends CallName> {
  readonly value: Calls[N]['answer'];
  readonly mayBeDone: boolean;
}

/** A call that could not be answered. */
export interface Failure {
  /** `lost`: the connection, or the session's end; `late`: its time was over; `statement`: the server refused it. */
  readonly reason: 'lost' | 'late' | 'statement';
  readonly error: ReportedError;
  /** Whether the server may have done it all the same. */
  readonly mayBeDone: boolean;
}

export type CallMessage = {
  [N in CallName]: {
    readonly kind: 'call';
    readonly number: number;
    readonly name: N;
    readonly request: Calls[N]['request'];
    readonly timeoutMs: number;
  };
}[CallName];

export type LimitedCall = Pick<StartedAttempt, 'handler' | 'timeoutMs'>;

export type ToThread =
  | CallMessage
  | { readonly kind: 'close' }
  /** A handler is no longer waited for, and goes on; it has ended after all. */
  | { readonly kind: 'left' | 'settled'; readonly call: LimitedCall }
  /** The answer to `ask`. */
  | { readonly kind: 'here' };

/** What happens to the locks that a session holds. */
export interface SessionEvents {
  unsure: [reason: string];
  sure: [];
  /** Ownership has been unsure for half a grace. */
  expired: [];
  /** This owner was taken over. */
  fenced: [key: string];
  warning: [text: string];
  /** The thread has ended, and nothing holds our locks. */
  ended: [];
}

export type SessionEvent = { [N in keyof SessionEvents]: [N, ...SessionEvents[N]] }[keyof SessionEvents];

export type FromThread =
  /** Before each connection: to which host and port, or socket. */
  | { readonly kind: 'connecting'; readonly address: string }
  | { readonly kind: 'opened'; readonly warnings: readonly string[] }
  | { readonly kind: 'refused'; readonly error: ReportedError }
  | ({ readonly kind: 'answer'; readonly number: number } & Answer<CallName>)
  | { readonly kind: 'failure'; readonly number: number; readonly failure: Failure }
  | { readonly kind: 'event'; readonly event: SessionEvent }
  /** Whether the event loop runs. */
  | { readonly kind: 'ask' };
