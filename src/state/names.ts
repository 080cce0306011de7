/** Names in a state directory. A fresh name sorts behind every older one, so a listing is oldest first. */
import { randomBytes } from 'node:crypto';
import { epochMs } from '../log/clock.ts';

/** Subdirectory of the state directory base that holds the state files. */
export const STATE_DIR_STEM = 'deferred';
/** The beginning of every state file's name. Other entries of the directory are ignored. */
export const PREFIX = 'func';
/** The end of a state file's name until its owner has set it up. */
export const WIP_SUFFIX = '.tmp';
/** The end of the name of a damaged file's copy. */
export const DAMAGED_SUFFIX = '.damaged';
/** Subdirectory of the state directory for dead letters. */
export const DEAD_STEM = 'dead';

/** The end of the name of a dead letter (`-` and the function's id behind the file's name), or of a damaged file's copy. */
const DEAD_LETTER_END = /(-\d+|\.damaged)$/;

const RANDOM_BYTES = 8;
/** 36^9 ms reach to the year 5188. */
const TIME_DIGITS = 9;

let lastTime = 0;

/** A name that no other process will choose: a time that is new in this process, then 64 random bits. */
export function freshName(): string {
  lastTime = Math.max(epochMs(), lastTime + 1);
  const time = lastTime.toString(36).padStart(TIME_DIGITS, '0');
  return PREFIX + time + randomBytes(RANDOM_BYTES).toString('hex');
}

export function isStateFileName(name: string): boolean {
  return name.startsWith(PREFIX) && !isMovedDeadLetter(name);
}

/** A dead letter moved out of `dead/` must not count as a state file: nothing in it is pending, so it would be removed. */
export function isMovedDeadLetter(name: string): boolean {
  return name.startsWith(PREFIX) && DEAD_LETTER_END.test(name);
}

export function isUnfinishedName(name: string): boolean {
  return name.endsWith(WIP_SUFFIX);
}

/** What the name of a state file, a dead letter or the copy of a damaged file says. */
export interface NameParts {
  /** The random part: it identifies the file among all. */
  readonly random: string;
  /** When the state file was named. */
  readonly madeAtEpochMs: number;
  /** The function that a dead letter holds. */
  readonly functionId?: number;
}

const PARTS = new RegExp(
  `^${PREFIX}([0-9a-z]{${TIME_DIGITS}})([0-9a-f]{${2 * RANDOM_BYTES}})(?:-(\\d+)|\\.damaged)?$`,
);

export function partsOfName(name: string): NameParts | undefined {
  const [, time = '', random, id] = PARTS.exec(name) ?? [];
  if (random === undefined) return undefined;
  return {
    random,
    madeAtEpochMs: Number.parseInt(time, 36),
    ...(id !== undefined && { functionId: Number(id) }),
  };
}
