import { constants } from 'node:os';
import { nativeAddon } from '../lock/native.ts';
import { isFailure, succeeded } from '../lock/system-error.ts';

/**
 * From now on this process adopts what its descendants leave behind, as pid 1 does. False where there is no such thing
 * (macOS).
 * @throws Error of Node's shape for any other failure of prctl(2)
 */
export function becomeSubreaper(): boolean {
  const outcome = nativeAddon().becomeSubreaper();
  if (isFailure(outcome) && outcome.errno === constants.errno.ENOSYS) return false;
  return succeeded(outcome);
}

/**
 * Reaps the children that have ended and that this process did not start; returns how many. To be called on SIGCHLD,
 * and after each `exit` event.
 *
 * The kernel names one ended child at a time. One that is libuv's may stand before others: it is left, and the call
 * returns; libuv reaps it, and its `exit` event is the next occasion.
 * @param isOwn - whether Node started the child, and waits for it itself
 */
export function reapAdopted(isOwn: (pid: number) => boolean): number {
  const { peekEndedChild, reapChild } = nativeAddon();
  let reaped = 0;
  for (;;) {
    const pid = succeeded(peekEndedChild());
    if (pid === 0 || isOwn(pid) || succeeded(reapChild(pid)) === 0) return reaped;
    reaped++;
  }
}
