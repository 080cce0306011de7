import { randomBytes } from 'node:crypto';
import { epochMs } from '../log/clock.ts';
import { PREFIX, RANDOM_BYTES, TIME_DIGITS } from './names.ts';

let lastTime = 0;

/** A name that no other process will choose: a time that is new in this process, then 64 random bits. */
export function freshName(): string {
  lastTime = Math.max(epochMs(), lastTime + 1);
  return (
    PREFIX + lastTime.toString(36).padStart(TIME_DIGITS, '0') + randomBytes(RANDOM_BYTES).toString('hex')
  );
}
