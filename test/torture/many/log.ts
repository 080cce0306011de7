/**
 * The append-only log of what everybody did: one line an event, each one write(2) to a descriptor open with O_APPEND.
 * The kernel does such writes to a file one after the other, so the order of the lines is an order in which the
 * events happened: a line that was written before something was done stands before everything that came of it.
 */
import { appendFileSync } from 'node:fs';
import { hrtime } from 'node:process';
import { threadId } from 'node:worker_threads';
import type { ProcessName } from '../../helpers/process-life.ts';

/** A thread of a process: `<pid>:<start time of the process>/<thread>`. */
export type ThreadName = string;

export type Event =
  /** A job is open. */
  | {
      readonly e: 'opened';
      readonly job: string;
      readonly order: 'fifo' | 'lifo';
      readonly delivery: 'at-least-once' | 'at-most-once';
      readonly timeoutMs: number;
      readonly maxAttempts: number;
    }
  /** Before and after a call to defer. */
  | {
      readonly e: 'deferring' | 'deferred';
      readonly job: string;
      readonly fn: string;
    }
  /** Before and after a call to cancel. */
  | { readonly e: 'cancelling'; readonly fn: string }
  | { readonly e: 'cancelled'; readonly fn: string; readonly is: boolean }
  /** Before its owner runs a function ahead of the end of its job. */
  | { readonly e: 'running'; readonly fn: string }
  /** Before and after the end of a job. */
  | { readonly e: 'closing' | 'closed'; readonly job: string }
  /** A thread has forked its process without exec: the child has the locks of these jobs of its, and more. */
  | { readonly e: 'forked'; readonly pid: number; readonly jobs: readonly string[] }
  /** Before a thread, or with `process` a whole process, ends or is ended, by whomever. */
  | { readonly e: 'ending'; readonly thread: ThreadName }
  | { readonly e: 'killing'; readonly pid: number }
  /** Before and after a sweep of a sweeper's. `isWhole`: neither aborted nor cut short. */
  | { readonly e: 'sweeping' }
  | { readonly e: 'swept'; readonly isWhole: boolean }
  /** A function has begun, in a child of `parent`; `alive`: which of those that must be gone before an orphan runs are not. */
  | {
      readonly e: 'start';
      readonly fn: string;
      readonly job: string;
      readonly orphaned: boolean;
      readonly attempt: number;
      readonly alive: readonly number[];
      readonly parent: number;
    }
  | { readonly e: 'end' | 'threw'; readonly fn: string; readonly job: string };

/** A line of the log: the event, who wrote it, and when by CLOCK_MONOTONIC, which all processes share. */
export type Line = Event & { readonly by: ThreadName; readonly ms: number };

export function nameThread({ pid, start }: ProcessName, id: number = threadId): ThreadName {
  return `${pid}:${start}/${id}`;
}

/** @param process - this one */
export function write(log: string, process: ProcessName, event: Event): void {
  const line: Line = { by: nameThread(process), ms: Number(hrtime.bigint() / 1_000_000n), ...event };
  appendFileSync(log, `${JSON.stringify(line)}\n`);
}
