import { nativeAddon } from '../lock/native.ts';

/** The environment of this process as it is now, for {@link isEnvironment}. Not that of a worker thread, which has a copy. */
export function copyEnvironment(): Buffer {
  return nativeAddon().copyEnvironment();
}

/** Whether this process has exactly these bytes as its environment. Native code may have changed it, too. */
export function isEnvironment(bytes: Uint8Array): boolean {
  return nativeAddon().isEnvironment(bytes);
}
