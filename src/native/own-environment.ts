import { nativeAddon } from '../lock/native.ts';

/** The environment of this process as it is now, for {@link isEnvironment}. Not that of a worker thread, which has a copy. */
export function copyEnvironment(): Buffer {
  return nativeAddon().copyEnvironment();
}

/** Whether the environment of this process is the same, byte for byte, whoever may have changed it: JavaScript or not. */
export function isEnvironment(bytes: Uint8Array): boolean {
  return nativeAddon().isEnvironment(bytes);
}
