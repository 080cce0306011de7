/**
 * What a sweeper and its runner say to each other: lines of JSON on two pipes. `docs/protocol.md`, Sweep, steps 4 and 5.
 *
 * A function may write to the event pipe, or change JSON.stringify. So a line names its turn, and its fields are checked.
 * Events serve timers and reports, and tell what not to try again where a runner died. The file alone says what is done.
 */
import { fileURLToPath } from 'node:url';
import type { LockScheme } from '../lock/advisory-lock.ts';
import { MAX_TIMER_MS } from '../log/clock.ts';
import { decodeError } from '../log/decode-record.ts';
import { type Fields, readJson } from '../log/validate.ts';
import { type FileReport, type FunctionReport, RUN_NOTES, type RunNote } from '../report/report.ts';
import type { Trust } from '../trust/trust.ts';

export const MAIN: string = fileURLToPath(new URL('../runner/main.js', import.meta.url));
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
}

/** What a runner has of the options of its sweep. */
export interface RunnerOptions {
  readonly lock: LockScheme;
  readonly trust: Trust;
  /** This and the next three override what the functions were registered with. */
  readonly timeoutMs: number | undefined;
  /** `undefined`: no cap. */
  readonly maxTimeoutMs: number | undefined;
  readonly maxAttempts: number | undefined;
  readonly retryDelayMs: number | undefined;
  readonly killGraceMs: number;
}

/** The first line of a sweep. */
export interface Begin extends RunnerOptions {
  readonly kind: 'begin';
  /** The state directory base. */
  readonly base: string;
  readonly sweepId: string;
  /** When the sweep began, on the clock of `monotonicMs`. */
  readonly sweptAtMs: number;
  readonly nonce: string;
  /** On the clock of `monotonicMs`; absent is none. */
  readonly deadlineAtMs: number | undefined;
  readonly notes: readonly RunNote[];
  /** What marks the beginning of each function's output; absent: nothing does. */
  readonly outputMark: string | undefined;
}

/** The sweeper's answer to each `ready`. */
export interface Work {
  readonly kind: 'work';
  readonly files: readonly WorkFile[];
}

/** The runner answers with `ready`. That, and each event before it, names the turn. A function that knew it could forge one. */
export type Asked = (Wait | Begin | Work) & { readonly turn: string };

/** The function in progress has `killGraceMs` left. The end of the pipe follows. */
export interface Hurry {
  readonly kind: 'hurry';
}

export interface WorkFile {
  readonly name: string;
  /** The file's length when the sweeper looked. */
  readonly seenBytes: number;
  /** The last function in the owner's order that runners of this sweep began. Their marks may have found no room. */
  readonly lastBegun?: number | undefined;
}

/** What the runner says: that it wants files, or what becomes of those it has. */
export type RunnerEvent = { readonly kind: 'ready' } | FileEvent;

export type FileEvent =
  /** A function begins; `timeoutMs` is its limit, 0 is none. `isLast`: it is not tried again if it fails. */
  | (Pick<FunctionReport, 'id' | 'name' | 'attempt'> & {
      readonly kind: 'start';
      readonly file: string;
      readonly timeoutMs: number;
      readonly isLast: boolean;
    })
  /** The outcome of a function. The last line for an id counts. */
  | { readonly kind: 'ran'; readonly file: string; readonly report: FunctionReport }
  | FileEnd;

/** The runner is through with a file. The last line for a name counts. */
export interface FileEnd {
  readonly kind: 'file';
  readonly file: string;
  /** True: functions were left because the sweep has to stop. */
  readonly isCut: boolean;
  /** Absent: the file is gone, or another process has its lock. */
  readonly report?: FileNews;
}

/** What the runner knows of a file that the sweeper does not. Without `pending` it could not be claimed. */
export type FileNews = Pick<FileReport, 'isRetired' | 'retryInMs' | 'error'> & { readonly pending?: number };

/** The line of an event. Long texts are cut. */
export function eventLine(event: RunnerEvent, turn: string): string {
  const said = { turn, ...event };
  const line = JSON.stringify(said);
  return line.length * 6 <= MAX_LINE_BYTES || Buffer.byteLength(line) < MAX_LINE_BYTES
    ? `${line}\n`
    : `${JSON.stringify(said, cutTexts)}\n`;
}

/** Undefined if the line is no event of this turn: a function wrote it, or has changed how lines are written. */
export function eventOf(line: string, turn: string | undefined): RunnerEvent | undefined {
  return readJson(line, fields => {
    if (turn === undefined || fields.any('turn') !== turn) throw fields.corrupt('is of another turn');
    return readEvent(fields);
  });
}

function readEvent(fields: Fields): RunnerEvent {
  const kind = fields.oneOf('kind', ['ready', 'start', 'ran', 'file']);
  if (kind === 'ready') return { kind };
  const file = fields.text('file');
  switch (kind) {
    case 'start':
      return {
        kind,
        file,
        id: fields.count('id'),
        name: fields.text('name'),
        attempt: fields.count('attempt'),
        timeoutMs: fields.number('timeoutMs'),
        isLast: fields.boolean('isLast'),
      };
    case 'ran':
      return { kind, file, report: readFunctionReport(fields.map('report')) };
    case 'file':
      return {
        kind,
        file,
        isCut: fields.boolean('isCut'),
        ...(fields.has('report') && { report: readFileNews(fields.map('report')) }),
      };
  }
}

function readFunctionReport(fields: Fields): FunctionReport {
  return {
    id: fields.count('id'),
    name: fields.text('name'),
    outcome: fields.oneOf('outcome', ['ok', 'failed', 'timed-out', 'crashed', 'skipped']),
    attempt: fields.count('attempt'),
    ms: fields.number('ms'),
    ...(fields.has('error') && { error: decodeError(fields.any('error')) }),
    ...(fields.has('deadLetter') && { deadLetter: fields.text('deadLetter') }),
    ...(fields.has('notes') && { notes: fields.someOf('notes', RUN_NOTES) }),
  };
}

function readFileNews(fields: Fields): FileNews {
  return {
    isRetired: fields.boolean('isRetired'),
    ...(fields.has('pending') && { pending: fields.number('pending') }),
    ...(fields.has('retryInMs') && { retryInMs: fields.number('retryInMs') }),
    ...(fields.has('error') && { error: decodeError(fields.any('error')) }),
  };
}

/** JSON makes at most six bytes of a character, and the longest event has six texts. */
const MAX_TEXT = 1500;

function cutTexts(_name: string, value: unknown): unknown {
  return typeof value === 'string' && value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
}

/** The bytes before a function's name; a line end comes after it. @param mark - random, so that no output has it */
export function markBytes(mark: string): Buffer {
  return Buffer.from(`\0${mark}:`, 'latin1');
}
