/**
 * What a sweeper and its child say to each other: one line of JSON each way on two pipes.
 *
 * The child inherits the locked descriptors, so the files stay locked until it is gone, whatever becomes of the
 * sweeper. The end of the control pipe means that the sweeper wants no more, or is gone: the child finishes the
 * function it is in and exits.
 */
import { fileURLToPath } from 'node:url';
import type { Mark, ReportedError } from '../../state/record.ts';

/** The child's program. */
export const MAIN: string = fileURLToPath(new URL('./main.js', import.meta.url));
/** What it loads first. */
export const PRELOAD: string = fileURLToPath(new URL('./preload.cjs', import.meta.url));

export const CONTROL_FD = 3;
export const EVENT_FD = 4;
/** The state files of the request, in its order. */
export const FIRST_FILE_FD = 5;

/** The child ends a function that ignores its signal by itself; this much later its sweeper does. */
export const MARGIN_MS = 500;
/** What the kernel's timer takes, in milliseconds. */
const MAX_MS = 2 ** 31 - 1;

/** From a limit until the kernel ends the child: after its own event loop, and after its sweeper. In whole milliseconds. */
export function watchdogGraceMs(killGraceMs: number): number {
  return Math.min(Math.ceil(killGraceMs) + 2 * MARGIN_MS, MAX_MS);
}

/** From the sweeper, once. */
export interface RunRequest {
  readonly files: readonly {
    readonly path: string;
    /** The functions to run, in this order. */
    readonly ids: readonly number[];
  }[];
  /** Overrides what the functions were registered with. */
  readonly timeoutMs: number | undefined;
  readonly killGraceMs: number;
  /** Time left for all of it; 0 is no limit. */
  readonly deadlineMs: number;
}

/** From the child. Marks are sent after they were written to the file. */
export type RunEvent =
  /** It went through its request, or stopped because it was told to. Its exit code proves neither. */
  | { readonly kind: 'finished' }
  | { readonly kind: 'mark'; readonly file: number; readonly mark: Mark }
  /** The function was left as it is. */
  | { readonly kind: 'left'; readonly file: number; readonly id: number; readonly error: ReportedError }
  /** No more of this file can be run. */
  | { readonly kind: 'failed'; readonly file: number; readonly error: ReportedError };
