import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { unlessRefused } from '../errors.ts';
import { nativeAddon } from '../lock/native.ts';
import { isFailure, succeeded } from '../lock/system-error.ts';

/** A process that signals can be sent to, without ever hitting a later one of the same number where the kernel helps. */
export interface SignalTarget {
  /** False once the process has been reaped. @throws Error of Node's shape (EPERM) */
  send(signal: NodeJS.Signals): boolean;
  /** To be called once. */
  close(): void;
}

/**
 * Opens the process that has this pid now, by a pidfd (Linux 5.3 and later); undefined when there is none. The caller
 * asks who it is *after* this call: the answer then holds for every signal.
 *
 * Where there are no pidfds, or none is to be had (EMFILE, a sandbox), signals go by pid, and only while `isStillThere`
 * says so, asked right before each: what remains is the time between the two.
 */
export function openSignalTarget(pid: number, isStillThere: () => boolean): SignalTarget | undefined {
  const { openProcess, signalProcess } = nativeAddon();
  const opened = openProcess(pid);
  if (isFailure(opened)) {
    if (opened.errno === constants.errno.ESRCH) return undefined;
    const send = (signal: NodeJS.Signals): boolean =>
      isStillThere() && unlessRefused(() => process.kill(pid, signal), false, 'ESRCH');
    return { send, close: () => {} };
  }
  return {
    send: signal => {
      const outcome = signalProcess(opened, constants.signals[signal]);
      if (isFailure(outcome) && outcome.errno === constants.errno.ESRCH) return false;
      return succeeded(outcome);
    },
    close: () => closeSync(opened),
  };
}

/** To a process group. One that has ended is no error. */
export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  // EPERM: macOS says so of a group of zombies.
  unlessRefused(() => process.kill(-leader, signal), false, 'ESRCH', 'EPERM');
}
