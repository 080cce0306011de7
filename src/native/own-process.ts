import { closeSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import { nativeAddon } from '../lock/native.ts';
import { isFailure, succeeded } from '../lock/system-error.ts';

/**
 * The environment of this process as it is now, byte for byte: `known` itself if it is the same still. Native code may have
 * changed it, too. Not that of a worker thread, which has a copy.
 */
export function ownEnvironment(known: Buffer = Buffer.alloc(0)): Buffer {
  return nativeAddon().copyEnvironment(known) ?? known;
}

/** From now on this process adopts what its descendants leave behind, as pid 1 does. False where it cannot (macOS). */
export function becomeSubreaper(): boolean {
  const outcome = nativeAddon().becomeSubreaper();
  if (isFailure(outcome) && outcome.errno === constants.errno.ENOSYS) return false;
  return succeeded(outcome);
}

/**
 * Reaps the children that have ended and that this process did not start; returns how many. To be called on SIGCHLD, and
 * after each `exit` event: the kernel names one ended child at a time, and one that libuv has to reap may be the first.
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

/** Out of the way of a script's own `exec 3<file`, of those that bash chooses (from 10), and of `flock 99`. */
const LOWEST = 100;
/** Where the limit of open files is that low. */
const LOWEST_UNDER_LIMIT = 10;

/**
 * What `start` returns; the program that it starts, synchronously, inherits an open file description, and with it the
 * lock, under a number from 100. Node's `stdio` would put it at 3, where scripts put their own.
 */
export function withInherited<T>(fd: number, start: () => T): T {
  const { duplicateInheritable } = nativeAddon();
  let outcome = duplicateInheritable(fd, LOWEST);
  if (isFailure(outcome) && outcome.errno === constants.errno.EINVAL)
    outcome = duplicateInheritable(fd, LOWEST_UNDER_LIMIT);
  const duplicate = succeeded(outcome);
  try {
    return start();
  } finally {
    closeSync(duplicate);
  }
}

/**
 * From now on {@link isFromKernel} can tell of this signal. To be called in the main thread when a listener is there (else
 * EINVAL), and again when the last one was taken away and another has come.
 */
export function keepSignalOrigin(signal: NodeJS.Signals): void {
  succeeded(nativeAddon().keepSignalOrigin(constants.signals[signal]));
}

/**
 * Whether the signal came, the last time, from the kernel, as when its key was pressed on a terminal: then the whole
 * foreground process group gets it.
 */
export function isFromKernel(signal: NodeJS.Signals): boolean {
  return nativeAddon().signalSender(constants.signals[signal]) === 0;
}

/**
 * Tells the service manager of the environment's NOTIFY_SOCKET, as sd_notify(3) does: `READY=1`, `STOPPING=1`,
 * `STATUS=…`. False when there is none, or it does not listen: a service does not fail for that. Never waits.
 */
export function notifyService(message: string, env: NodeJS.ProcessEnv = process.env): boolean {
  const socket = env.NOTIFY_SOCKET;
  // Others are not for us: vsock: of virtual machines.
  if (socket === undefined || !/^[/@]/.test(socket)) return false;
  return !isFailure(nativeAddon().sendDatagram(socket, message));
}

/**
 * False in a worker thread that was started with `trackUnmanagedFds: false`: Node leaves its descriptors open. Nothing tells
 * a thread how it was started. But where Node keeps account of descriptors, it warns of one closed that it did not open; so
 * one is closed, and the warning is kept from being printed. True in the main thread, and where none can be had.
 */
export function closesDescriptorsAtEnd(): boolean {
  if (isMainThread || !isRealProcess()) return true;
  // Of what the addon opens Node has no account.
  const fd = nativeAddon().openDirectoryWatches();
  if (typeof fd !== 'number') return true;
  const warning = Object.getOwnPropertyDescriptor(process, 'emitWarning');
  let hasWarned = false;
  const listen = (): void => {
    hasWarned = true;
  };
  Object.defineProperty(process, 'emitWarning', { value: listen, configurable: true, writable: true });
  try {
    // Node calls emitWarning() before this returns.
    closeSync(fd);
  } finally {
    if (warning) Object.defineProperty(process, 'emitWarning', warning);
    else Reflect.deleteProperty(process, 'emitWarning');
  }
  return hasWarned;
}

/** A test runner's context may have another `process` than the one whose method Node calls. Its errors are others, too. */
function isRealProcess(): boolean {
  try {
    readlinkSync('');
    return false;
  } catch (error) {
    return error instanceof Error;
  }
}
