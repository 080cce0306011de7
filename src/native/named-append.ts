import { nativeAddon } from '../lock/native.ts';
import { succeeded } from './outcome.ts';

/**
 * Writes to a descriptor that is open for appending, by one write(2), and after that asks whether the path still names its file
 * (lstat(2), fstat(2)): false if not. The number of bytes if fewer are written than asked.
 * @throws Error of Node's shape; the bytes may be written all the same
 */
export function appendNamed(fd: number, path: string, bytes: Uint8Array): boolean | number {
  return succeeded(nativeAddon().appendNamed(fd, path, bytes));
}
