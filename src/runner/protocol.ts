/**
 * What a sweeper and its runner say to each other: lines of JSON on two pipes, each at most {@link MAX_LINE_BYTES}.
 *
 * At the end of the control pipe the runner finishes its function and exits: the sweeper wants no more, or is dead.
 * A function may write to the event pipe. So its lines are checked here, and used for timers and reports only. The file
 * alone says what is done.
 */
import { fileURLToPath } from 'node:url';
import type { LockScheme } from '../lock/advisory-lock.ts';
import { MAX_TIMER_MS } from '../log/clock.ts';
import type { ReportedError } from '../log/records.ts';
import { type FunctionReport, RUN_NOTES, type RunNote } from '../report/report.ts';
import type { Trust } from '../trust/trust.ts';

/** The runner's program. */
export const MAIN: string = fileURLToPath(new URL('../runner/main.js', import.meta.url));
/** The first module that the runner loads. */
export const PRELOAD: string = fileURLToPath(new URL('../runner/preload.cjs', import.meta.url));

export const CONTROL_FD = 3;
export const EVENT_FD = 4;
export const MAX_LINE_BYTES: number = 64 * 1024;
/** The runner's exit code when a function has closed the event pipe: what became of it was not heard. */
export const PIPE_BROKEN = 97;

/** A runner ends a function that ignores its signal. The sweeper ends the runner this much later. */
export const MARGIN_MS = 500;

/** From a limit to the watchdog's SIGKILL, in whole milliseconds that the addon takes: later than the event loop and than the sweeper. */
export function watchdogGraceMs(killGraceMs: number): number {
  return Math.min(Math.ceil(killGraceMs) + 2 * MARGIN_MS, MAX_TIMER_MS);
}

/** The first line to a runner that is kept ready: no sweep has begun. It answers as to {@link Begin}, which follows later. */
export interface Wait {
  readonly kind: 'wait';
  /** See {@link Work.turn}. */
  readonly turn: string;
}

/** The first line of a sweep. */
export interface Begin {
  readonly kind: 'begin';
  /** The state directory base. */
  readonly base: string;
  readonly lock: LockScheme;
  readonly trust: Trust;
  readonly sweepId: string;
  /** When the sweep began, in milliseconds since 1970. */
  readonly sweptSinceEpochMs: number;
  readonly nonce: string;
  /** This and the next three override what the functions were registered with. */
  readonly timeoutMs: number | undefined;
  readonly maxTimeoutMs: number | undefined;
  readonly maxAttempts: number | undefined;
  readonly retryDelayMs: number | undefined;
  readonly killGraceMs: number;
  /** On the clock of `monotonicMs`; absent is none. */
  readonly deadlineAtMs: number | undefined;
  readonly notes: readonly RunNote[];
  /** What marks the beginning of each function's output; absent: nothing does. */
  readonly outputMark: string | undefined;
  /** See {@link Work.turn}. */
  readonly turn: string;
}

/** The sweeper's answer to each `ready`. */
export interface Work {
  readonly kind: 'work';
  readonly files: readonly WorkFile[];
  /** What the next `ready` has to say, which a function does not know: else it could say that others have run. */
  readonly turn: string;
}

/** The function in progress has `killGraceMs` left. The end of the pipe follows. */
export interface Hurry {
  readonly kind: 'hurry';
}

export interface WorkFile {
  readonly name: string;
  /** The file's length when the sweeper looked. */
  readonly seenBytes: number;
}

/** A line of the runner. */
export type RunnerEvent =
  /** It wants files. */
  | { readonly kind: 'ready'; readonly turn: string }
  /** A function begins; `timeoutMs` is its limit, 0 is none. `isLast`: it is not tried again if it fails. */
  | {
      readonly kind: 'start';
      readonly file: string;
      readonly id: number;
      readonly name: string;
      readonly attempt: number;
      readonly timeoutMs: number;
      readonly isLast: boolean;
    }
  /** The outcome of a function. The last line for an id counts. */
  | { readonly kind: 'ran'; readonly file: string; readonly report: FunctionReport }
  | FileEnd;

/** The runner is through with a file. The last line for a name counts. */
export interface FileEnd {
  readonly kind: 'file';
  readonly file: string;
  /** `lost`: the file is gone, or another process has its lock. `refused`: it could not be claimed, see `error`. */
  readonly state: 'ran' | 'lost' | 'refused';
  readonly isRetired: boolean;
  /** True: functions were left because the sweep has to stop. */
  readonly isCut: boolean;
  /** Absent if the file was not read. */
  readonly pending?: number;
  readonly retryInMs?: number;
  readonly error?: ReportedError;
}

/** The line of an event. Long texts are cut. */
export function eventLine(event: RunnerEvent): string {
  const line = JSON.stringify(event);
  return line.length * 6 <= MAX_LINE_BYTES || Buffer.byteLength(line) < MAX_LINE_BYTES
    ? `${line}\n`
    : `${JSON.stringify(event, cutTexts)}\n`;
}

/** JSON makes at most six bytes of a character, and the longest event has six texts. */
const MAX_TEXT = 1500;

function cutTexts(_name: string, value: unknown): unknown {
  return typeof value === 'string' && value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
}

/** The event of a line. Undefined for a line that no runner writes. */
export function parseEvent(line: string): RunnerEvent | undefined {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  return isEvent(event) ? event : undefined;
}

function isEvent(event: unknown): event is RunnerEvent {
  if (!isMap(event)) return false;
  switch (event.kind) {
    case 'ready':
      return isText(event.turn);
    case 'start':
      return (
        isText(event.file) &&
        isCount(event.id) &&
        isText(event.name) &&
        isCount(event.attempt) &&
        isTime(event.timeoutMs) &&
        typeof event.isLast === 'boolean'
      );
    case 'ran':
      return isText(event.file) && isFunctionReport(event.report);
    case 'file':
      return (
        isText(event.file) &&
        FILE_STATES.includes(event.state) &&
        typeof event.isRetired === 'boolean' &&
        typeof event.isCut === 'boolean' &&
        (event.pending === undefined || isTime(event.pending)) &&
        (event.retryInMs === undefined || isTime(event.retryInMs)) &&
        (event.error === undefined || isReportedError(event.error))
      );
    default:
      return false;
  }
}

const FILE_STATES: readonly unknown[] = ['ran', 'lost', 'refused'];
const OUTCOMES: readonly unknown[] = ['ok', 'failed', 'timed-out', 'crashed', 'skipped'];

function isFunctionReport(report: unknown): boolean {
  return (
    isMap(report) &&
    isCount(report.id) &&
    isText(report.name) &&
    OUTCOMES.includes(report.outcome) &&
    isCount(report.attempt) &&
    isTime(report.ms) &&
    (report.error === undefined || isReportedError(report.error)) &&
    (report.deadLetter === undefined || isText(report.deadLetter)) &&
    (report.notes === undefined ||
      (Array.isArray(report.notes) && report.notes.every(note => RUN_NOTES.includes(note))))
  );
}

function isReportedError(error: unknown): boolean {
  return (
    isMap(error) &&
    isText(error.name) &&
    isText(error.message) &&
    (error.code === undefined || isText(error.code)) &&
    (error.stack === undefined || isText(error.stack))
  );
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
