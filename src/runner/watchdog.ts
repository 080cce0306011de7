/**
 * Ends the runner when its event loop and its sweeper cannot. In an endless loop of a function the runner's timers get
 * no turn, and the sweeper may be dead, stopped or stuck.
 *
 * After a function's limit come, in this order: the runner's event loop (SIGKILL after the grace), the sweeper
 * (`group-killer.ts`, a margin later), this watchdog (another margin later). `docs/protocol.md`, Attempt.
 */
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
