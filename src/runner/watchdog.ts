/** Ends a runner whose event loop and sweeper cannot: in an endless loop, under a dead sweeper. `docs/protocol.md`, Attempt. */
import { DeferredSweepError } from '../errors.ts';
import { nativeAddon } from '../lock/native.ts';
import { describeErrno, toSystemError } from '../lock/system-error.ts';
import { watchdogGraceMs } from './protocol.ts';

/** @param limitMs - the function's; 0 is none @param graceMs - from the limit to SIGKILL */
export function watchFunction(limitMs: number, graceMs: number): void {
  const result = nativeAddon().setWatchdog(Math.ceil(limitMs), watchdogGraceMs(graceMs));
  if (result === true) return;
  const [code, words] = describeErrno(result.errno);
  // The kernel counts a timer as a signal that is pending.
  const advice = code === 'EAGAIN' ? '; raise the limit of pending signals (ulimit -i)' : '';
  throw new DeferredSweepError(
    'DEFERRED_UNSUPPORTED',
    `cannot run functions: the kernel gives no timer for their limits: ${words} (${code})${advice}`,
    { cause: toSystemError(result) },
  );
}
