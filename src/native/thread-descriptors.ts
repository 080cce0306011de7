/** Whether a worker thread's descriptors, and with them its locks, go when the thread goes. */
import { closeSync, readlinkSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { nativeAddon } from '../lock/native.ts';

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
