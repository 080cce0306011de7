/** Names in a state directory. A fresh name sorts behind every older one, so a listing is oldest first. */
import { epochMs } from './clock.ts';
import { randomBytes } from 'node:crypto';

/** Subdirectory of the state directory base that holds the state files. */
export const STATE_DIR_STEM = 'deferred';
/** What the name of every state file begins with; anything else in the directory is not looked at. */
export const PREFIX = 'func';
/** What the name of a state file ends with until its owner has set it up. */
export const WIP_SUFFIX = '.tmp';
/** Subdirectory of the state directory for dead letters. */
export const DEAD_STEM = 'dead';

const RANDOM_BYTES = 8;
/** 36^9 ms last until the year 5188. */
const TIME_DIGITS = 9;

let lastTime = 0;

/** Returns a name no other process will choose: the time in milliseconds (never twice in one process), then 64 random bits. */
export function freshName(): string {
  lastTime = Math.max(epochMs(), lastTime + 1);
  return (
    PREFIX + lastTime.toString(36).padStart(TIME_DIGITS, '0') + randomBytes(RANDOM_BYTES).toString('hex')
  );
}

/** True for a name that a state file has, or had while it was being set up. */
export function isStateFileName(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** True for a state file whose owner was still setting it up. */
export function isUnfinishedName(name: string): boolean {
  return name.endsWith(WIP_SUFFIX);
}
