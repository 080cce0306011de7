/**
 * The runner's own end, when nobody else can bring it about. A function in an endless synchronous loop gives the event
 * loop no turn, so the runner's timers do not help; its sweeper's do, unless the sweeper is dead, stopped or stuck.
 *
 * In the order in which they come, after a function's limit: the runner's event loop (SIGKILL after the grace), the
 * sweeper (`group-killer.ts`, a margin later), and this, the kernel (another margin later).
 */
import { nativeWatchdog } from '../lock/native.ts';
import { toSystemError } from '../lock/system-error.ts';
import { watchdogGraceMs } from './protocol.ts';

/** What a function may leave behind, a timer or an exit handler, gets at least this long before the next one begins. */
const LEAST_AFTERWARDS_MS = 5000;

/** @param limitMs - the function's; 0 is none @param graceMs - from the limit to SIGKILL */
export function watchFunction(limitMs: number, graceMs: number): void {
  const result = nativeWatchdog().setWatchdog(Math.ceil(limitMs), watchdogGraceMs(graceMs));
  if (result !== true) throw toSystemError(result);
}

/** Watches over what a function with this limit left behind, and over our own steps until the next or the exit. */
export function watchAfterwards(limitMs: number, graceMs: number): void {
  watchFunction(limitMs === 0 ? 0 : Math.max(limitMs, LEAST_AFTERWARDS_MS), graceMs);
}

/** Between the start and the first function: what waits for files may wait for long. */
export function watchNothing(): void {
  watchFunction(0, 0);
}
