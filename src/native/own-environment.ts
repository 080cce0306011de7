import { nativeAddon } from '../lock/native.ts';

/**
 * The environment of this process as it is now, byte for byte: `known` itself if it is the same still. Native code may have
 * changed it, too. Not that of a worker thread, which has a copy.
 */
export function ownEnvironment(known: Buffer = Buffer.alloc(0)): Buffer {
  return nativeAddon().copyEnvironment(known) ?? known;
}
