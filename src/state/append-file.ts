/**
 * An open file that grows by whole writes, held by its lock: what could not be written whole is cut off again. Everything goes
 * through the one descriptor that is locked; closing it gives up the lock.
 */
import { fdatasyncSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { DeferredSweepError } from '../errors.ts';
import { unlockAndClose } from '../lock/close.ts';
import { noSpace } from './no-space.ts';
import { readAll } from './read-all.ts';
import { stateIo } from './state-io.ts';

export class AppendFile {
  readonly path: string;
  readonly fd: number;
  readonly #isSynced: boolean;
  #lengthBytes: number;
  /** True when bytes behind `#lengthBytes` could not be cut off yet. */
  #hasStrayTail: boolean;

  /**
   * @param fd - open O_RDWR|O_APPEND, locked, and owned by this object from now on
   * @param isSynced - whether what was written is to be on stable storage
   * @param lengthBytes - where what counts ends
   * @param hasStrayTail - something is behind it, to be cut off before anything is written
   */
  constructor(path: string, fd: number, isSynced: boolean, lengthBytes: number, hasStrayTail: boolean) {
    this.path = path;
    this.fd = fd;
    this.#isSynced = isSynced;
    this.#lengthBytes = lengthBytes;
    this.#hasStrayTail = hasStrayTail;
  }

  /**
   * Appends by one write(2). When it returns the bytes are in the file; when it throws none of them counts.
   * @throws DeferredSweepError `DEFERRED_TOO_LARGE`; `DEFERRED_STATE_IO` with the system's error as cause
   */
  append(bytes: Buffer, maxBytes: number): void {
    if (this.#lengthBytes + bytes.length > maxBytes) {
      throw new DeferredSweepError(
        'DEFERRED_TOO_LARGE',
        `cannot add ${bytes.length} bytes to ${this.path}: a state file takes at most ${maxBytes} bytes; end the job or defer less`,
        { path: this.path },
      );
    }
    stateIo(`write to ${this.path}`, this.path, () => {
      if (this.#hasStrayTail) this.cutTail();
      this.#write(bytes);
      this.#lengthBytes += bytes.length;
    });
  }

  /** What counts. @throws DeferredSweepError `DEFERRED_TOO_LARGE`, `DEFERRED_STATE_IO` */
  read(): Buffer {
    // What could not be cut off yet was never acknowledged.
    const bytes = this.readAll();
    return this.#hasStrayTail ? bytes.subarray(0, this.#lengthBytes) : bytes;
  }

  /** All there is, as it is. @throws as {@link read} */
  readAll(): Buffer {
    return readAll(this.fd, this.path);
  }

  /** The first bytes, zeros where there are not so many. @throws Error of Node's shape */
  readHead(lengthBytes: number): Buffer {
    const head = Buffer.alloc(lengthBytes);
    readSync(this.fd, head, 0, lengthBytes, 0);
    return head;
  }

  /** Takes note of where what counts ends by now: another process has appended. */
  resume(lengthBytes: number, hasStrayTail: boolean): void {
    this.#lengthBytes = lengthBytes;
    this.#hasStrayTail = hasStrayTail;
  }

  /** Keeps so many bytes. @throws Error of Node's shape */
  truncate(lengthBytes: number): void {
    ftruncateSync(this.fd, lengthBytes);
    this.resume(lengthBytes, false);
  }

  /**
   * Cuts off what is behind the last whole record, so that marks written there do not turn it into a damaged middle.
   * @throws DeferredSweepError `DEFERRED_STATE_IO`
   */
  cutTail(): void {
    stateIo(`cut off the end of ${this.path}`, this.path, () => this.truncate(this.#lengthBytes));
  }

  /** Gives up the lock and closes the descriptor. */
  close(): void {
    unlockAndClose(this.fd);
  }

  #write(bytes: Buffer): void {
    try {
      // write(2) may take less than it was given (a full disk, a signal) without an error.
      const written = writeSync(this.fd, bytes);
      if (written < bytes.length) throw noSpace(written, bytes.length);
      if (this.#isSynced) fdatasyncSync(this.fd);
    } catch (error) {
      this.#hasStrayTail = true;
      try {
        this.cutTail();
      } catch {
        // Tried again before the next record is written. If we die before, a whole record behind the last good one counts
        // as registered: `docs/guarantees.md`, 1.
      }
      throw error;
    }
  }
}
