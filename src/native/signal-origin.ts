import { constants } from 'node:os';
import { nativeAddon } from '../lock/native.ts';
import { succeeded } from '../lock/system-error.ts';

/**
 * From now on {@link isFromKernel} can tell of this signal. To be called when a listener is there already, and again
 * when the last one was taken away and another has come. In the main thread.
 * @throws Error of Node's shape: EINVAL when there is no listener
 */
export function keepSignalOrigin(signal: NodeJS.Signals): void {
  succeeded(nativeAddon().keepSignalOrigin(constants.signals[signal]));
}

/**
 * Whether the signal came, the last time, from the kernel and not from a process: as when its key was pressed on a
 * terminal. The kernel then sends it to the whole foreground process group.
 */
export function isFromKernel(signal: NodeJS.Signals): boolean {
  return nativeAddon().signalSender(constants.signals[signal]) === 0;
}
