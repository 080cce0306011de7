import { clearTimeout, setTimeout } from 'node:timers';
import { DeferredSweepError } from '../errors.ts';
import { listOf, restore } from '../value/decode.ts';
import { restoreSource } from './closure/restore-source.ts';
import { runCommand } from './command.ts';
import { abortWith, type KnownInvocation, LazyAbort, OwnInvocation } from './current-invocation.ts';
import type { StoredCall } from './descriptor.ts';
import { findImported, importFunction } from './module/module-reference.ts';

/**
 * What a stored call returns, awaited. Apart from {@link DeferredFunction} so that a process that only runs functions
 * does not load what captures them.
 * @throws `DEFERRED_FUNCTION_MISSING`, `DEFERRED_COMMAND_FAILED`, `DEFERRED_STATE_CORRUPT`; what the function throws
 */
export async function callStored({ descriptor, encodedArguments }: StoredCall): Promise<unknown> {
  if (descriptor.kind === 'command') return await runCommand(descriptor);
  if (descriptor.kind === 'source') {
    const [fn, args] = await restoreSource(descriptor, encodedArguments);
    return await Reflect.apply(fn, undefined, listOf(args));
  }
  const args = listOf(restore(encodedArguments));
  const { value: fn, receiver } = findImported(descriptor) ?? (await importFunction(descriptor));
  return await Reflect.apply(fn, receiver, args);
}

export interface CallLimits {
  /** 0: no limit. */
  readonly timeoutMs: number;
  /** Time the function still has after its signal was aborted. */
  readonly killGraceMs: number;
  /** Aborts the function's signal, too, and gives its reason on. */
  readonly lost?: AbortSignal;
}

/** How a call settled: `error` is there, and may be undefined, where the function threw. */
export interface CallSettled {
  readonly error?: unknown;
}

export interface CallEnd extends CallSettled {
  /** True where the function did not settle in time and still runs in this process. */
  readonly isHung: boolean;
  /** What comes of it after all. Never rejects. */
  readonly settled: Promise<CallSettled>;
}

/** Never rejects: the result has what the function threw, or why its signal was aborted. */
export function callWithLimit(
  name: string,
  known: KnownInvocation,
  { timeoutMs, killGraceMs, lost }: CallLimits,
  body: () => unknown,
): Promise<CallEnd> {
  const abort = new LazyAbort();
  const kill = new LazyAbort();
  const stay = lost && abortWith(lost, abort);
  const invocation = new OwnInvocation(known, abort, kill);
  const call = async (): Promise<CallSettled> => {
    try {
      await invocation.run(body);
      return {};
    } catch (error) {
      // A function may throw because its signal was aborted. Then the limit is the reason.
      return { error: abort.isAborted ? abort.reason : error };
    } finally {
      invocation.end();
    }
  };
  return new Promise(resolve => {
    let timer: NodeJS.Timeout | undefined;
    const end = (how: CallSettled, isHung: boolean): void => {
      clearTimeout(timer);
      stay?.();
      resolve({ isHung, settled, ...how });
    };
    const expire = (): void => {
      const error = new DeferredSweepError(
        'DEFERRED_TIMED_OUT',
        `cannot wait longer for ${name}: it did not finish within ${timeoutMs} ms`,
      );
      abort.abort(error);
      timer = setTimeout(() => {
        kill.abort();
        end({ error }, true);
      }, killGraceMs);
    };
    // Plain timers: those of node:timers/promises cost more than most functions. Set first, since what the function does
    // before it first waits counts.
    if (timeoutMs > 0) timer = setTimeout(expire, timeoutMs);
    const settled = call();
    void settled.then(how => end(how, false));
  });
}
