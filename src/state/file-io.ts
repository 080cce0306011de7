/** Reading, writing and syncing below a state directory: what each step has in common, and how it fails. */
import {
  fchmodSync,
  constants as fsConstants,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { constants } from 'node:os';
import { DeferredSweepError, errorCode, isSystemError, systemErrorCode } from '../errors.ts';
import { closeDescriptor } from '../lock/close.ts';
import { FRAME_HEAD_BYTES, frameLength } from '../log/frame.ts';
import { systemReason } from './system-reason.ts';

/** Makes `DEFERRED_STATE_IO` of a system error of the step; rethrows others. @param what - for the message `cannot …` */
export function stateIo<T>(what: string, path: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof DeferredSweepError || systemErrorCode(error) === undefined) throw error;
    throw new DeferredSweepError('DEFERRED_STATE_IO', `cannot ${what}: ${systemReason(error)}`, {
      path,
      cause: error,
    });
  }
}

/** Files are read as a whole. */
export const MAX_STATE_FILE_BYTES: number = 384 * 1024 * 1024;

/** @throws DeferredSweepError `DEFERRED_TOO_LARGE`, `DEFERRED_STATE_IO` */
export function readAll(fd: number, path: string): Buffer {
  return stateIo(`read ${path}`, path, () => {
    const { size } = fstatSync(fd);
    if (size > MAX_STATE_FILE_BYTES) {
      throw new DeferredSweepError(
        'DEFERRED_TOO_LARGE',
        `cannot read ${path}: it has ${size} bytes, a state file holds at most ${MAX_STATE_FILE_BYTES}`,
        { path },
      );
    }
    const bytes = Buffer.allocUnsafe(size);
    let length = 0;
    while (length < size) {
      const count = readSync(fd, bytes, length, size - length, length);
      if (count === 0) break;
      length += count;
    }
    return bytes.subarray(0, length);
  });
}

/** As much of a part as there is. */
export function readPart(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
}

/** Enough for nearly every header; options of Node or a label may make one longer. */
const HEADER_BYTES = 64 * 1024;

/** The first bytes of a state file: at least its header. */
export function readHeader(fd: number): Buffer {
  const bytes = readPart(fd, 0, HEADER_BYTES);
  if (bytes.length < FRAME_HEAD_BYTES) return bytes;
  // What is no header may name any length.
  const lengthBytes = Math.min(frameLength(bytes), fstatSync(fd).size, MAX_STATE_FILE_BYTES);
  return lengthBytes <= bytes.length ? bytes : readPart(fd, 0, lengthBytes);
}

/** True for a full disk, a quota, or a limit on file sizes (setrlimit(2)). A cleanup may run then, and make room. */
export function isNoSpace(error: unknown): boolean {
  return error instanceof DeferredSweepError && isSystemError(error.cause, 'ENOSPC', 'EDQUOT', 'EFBIG');
}

/**
 * Why write(2) wrote less than it was given: a full disk, a quota or a limit on file sizes. The system tells when it is
 * given the next byte: the record's own, so that what is there stays a torn record.
 */
export function shortWriteError(fd: number, bytes: Buffer, written: number): Error {
  // Where there is room again.
  let code = 'ENOSPC';
  try {
    writeSync(fd, bytes, written, 1);
  } catch (error) {
    code = systemErrorCode(error) ?? code;
  }
  return Object.assign(new Error(`${code}: wrote ${written} of ${bytes.length} bytes, write`), {
    code,
    errno: -constants.errno[code as keyof typeof constants.errno],
    syscall: 'write',
  });
}

/** Of state files and dead letters. Sticky on Linux: systemd-tmpfiles leaves such files alone. Other kernels refuse the bit. */
export const FILE_MODE: number = process.platform === 'linux' ? 0o1600 : 0o600;

/** Sets the mode under any umask. A file system may refuse modes: a creator checks the mode that the file system shows. */
export function setFileMode(fd: number): void {
  try {
    fchmodSync(fd, FILE_MODE);
  } catch (error) {
    // Node's permission model has no fchmod(2). The file is as safe without: open(2) may leave out bits, but adds none.
    if (errorCode(error) === 'ERR_ACCESS_DENIED') return;
    // FAT answers this for modes that it cannot store.
    if (systemErrorCode(error) !== 'EPERM') throw error;
  }
}

/** Makes the names in a directory durable: fsync(2) of a file does not do that. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, fsConstants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeDescriptor(fd);
  }
}
