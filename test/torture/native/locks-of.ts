/** Who holds the files of a directory, seen by whoever asks: another process, another thread, or this one. */
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { nativeAddon, nativeMode, nativeScheme } from '#dist/lock/native.js';

/** The files of the directory that somebody has a lock on, with the scheme: `0 by flock`. */
export function heldIn(directory: string): string[] {
  const held: string[] = [];
  for (const name of readdirSync(directory))
    for (const [scheme, value] of Object.entries(nativeScheme)) {
      const descriptor = openSync(join(directory, name), 'r+');
      if (nativeAddon().setFileLock(descriptor, nativeMode.exclusive, value) !== true)
        held.push(`${name} by ${scheme}`);
      closeSync(descriptor);
    }
  return held;
}

/** What the process has open in the directory: Linux alone tells. */
export function openIn(directory: string, pid: number): string[] {
  const descriptors = `/proc/${pid}/fd`;
  return readdirSync(descriptors)
    .map(descriptor => {
      try {
        return readlinkSync(join(descriptors, descriptor));
      } catch (error) {
        // Closed since it was listed.
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
        throw error;
      }
    })
    .filter(target => target.startsWith(directory));
}
