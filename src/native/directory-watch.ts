/** One inotify(7) instance for any number of directories, read by the event loop itself: no thread of libuv's pool. */
import { closeSync, readSync } from 'node:fs';
import { constants, endianness } from 'node:os';
import { unlessRefused } from '../errors.ts';
import { type NativeAddon, nativeAddon } from '../lock/native.ts';
import { isFailure, succeeded } from './outcome.ts';

/** What happened to a file in a watched directory, or to the directory. */
export type DirectoryEvent =
  /** The last descriptor that could write to the file was closed: its owner is gone, with all that inherited it. */
  | { readonly kind: 'closed'; readonly directory: string; readonly name: string }
  /** A file or directory was made. */
  | { readonly kind: 'made'; readonly directory: string; readonly name: string }
  /** A file or directory came by rename(2). */
  | { readonly kind: 'moved-in'; readonly directory: string; readonly name: string }
  /** The directory was removed, renamed or unmounted. It is watched no longer. */
  | { readonly kind: 'gone'; readonly directory: string }
  /** The kernel had no room: events are missing. Look at every directory. */
  | { readonly kind: 'overflow' };

/** What is told of a directory: its end; besides, what comes into it; besides, the closing of files in it. */
export type WatchedEvents = 'end' | 'entries' | 'closing';

/** As the addon numbers them. */
const EVENTS: readonly WatchedEvents[] = ['end', 'entries', 'closing'];

/** Bits of `mask`, <sys/inotify.h>. */
const IN_CLOSE_WRITE = 0x8;
const IN_MOVED_TO = 0x80;
const IN_CREATE = 0x100;
const IN_DELETE_SELF = 0x400;
const IN_MOVE_SELF = 0x800;
const IN_UNMOUNT = 0x2000;
const IN_Q_OVERFLOW = 0x4000;
const IN_IGNORED = 0x8000;

/** `struct inotify_event` without its name: `wd`, `mask`, `cookie`, `len`, of 32 bits each. */
const EVENT_BYTES = 16;
/** Some 200 events at a time; at least one with the longest name fits, as inotify(7) asks for. */
const BUFFER_BYTES = 16 * 1024;

const littleEndian = endianness() === 'LE';

export class DirectoryWatch {
  readonly #fd: number;
  readonly #native: NativeAddon;
  readonly #directories = new Map<number, string>();
  readonly #listener: (events: readonly DirectoryEvent[]) => void;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  readonly #stop: () => void;
  #isClosed = false;

  private constructor(
    native: NativeAddon,
    fd: number,
    listener: (events: readonly DirectoryEvent[]) => void,
  ) {
    this.#native = native;
    this.#fd = fd;
    this.#listener = listener;
    this.#stop = succeeded(native.pollReadable(fd, () => this.#read()));
  }

  /**
   * A watch on no directory yet, or undefined where there is no inotify (macOS): poll. It keeps the event loop alive.
   * @param listener - told of events in the order of the kernel, all that are there at once
   * @throws Error of Node's shape: EMFILE when the user has `fs.inotify.max_user_instances` of them
   */
  static open(listener: (events: readonly DirectoryEvent[]) => void): DirectoryWatch | undefined {
    const native = nativeAddon();
    const fd = native.openDirectoryWatches();
    if (isFailure(fd) && fd.errno === constants.errno.ENOSYS) return undefined;
    const opened = succeeded(fd);
    try {
      return new DirectoryWatch(native, opened, listener);
    } catch (error) {
      closeSync(opened);
      throw error;
    }
  }

  /**
   * Watches a directory, too. What happened in it before is for the caller to look up, after this call.
   * @param events - take the place of those of an earlier call
   * @throws Error of Node's shape: ENOENT, ENOTDIR, EACCES; ENOSPC when the user has
   * `fs.inotify.max_user_watches` of them
   */
  add(directory: string, events: WatchedEvents): void {
    const watch = succeeded(this.#native.addDirectoryWatch(this.#fd, directory, EVENTS.indexOf(events)));
    this.#directories.set(watch, directory);
  }

  /** Ends it; no event is told after this. May be called again. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stop();
    closeSync(this.#fd);
  }

  #read(): void {
    // Whole events, without waiting: the descriptor is non-blocking. EAGAIN: read already. EINTR: the event loop calls again.
    const length = unlessRefused(() => readSync(this.#fd, this.#buffer), 0, 'EAGAIN', 'EINTR');
    const events: DirectoryEvent[] = [];
    for (let offset = 0; offset < length; ) {
      const size = EVENT_BYTES + this.#uint32(offset + 12);
      const event = this.#event(offset, size);
      if (event !== undefined) events.push(event);
      offset += size;
    }
    if (events.length > 0) this.#listener(events);
  }

  #event(offset: number, size: number): DirectoryEvent | undefined {
    const watch = this.#uint32(offset);
    const mask = this.#uint32(offset + 4);
    if (mask & IN_Q_OVERFLOW) return { kind: 'overflow' };
    const directory = this.#directories.get(watch);
    // Events may still be in the queue behind the one that told of the directory's end.
    if (directory === undefined) return undefined;
    if (mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)) {
      this.#directories.delete(watch);
      // A directory that was renamed would be watched on under its old name. Of others the kernel has taken it out.
      if (mask & IN_MOVE_SELF) this.#native.removeDirectoryWatch(this.#fd, watch);
      return { kind: 'gone', directory };
    }
    const padded = this.#buffer.toString('utf8', offset + EVENT_BYTES, offset + size);
    const name = padded.slice(0, padded.indexOf('\0'));
    if (mask & IN_CLOSE_WRITE) return { kind: 'closed', directory, name };
    if (mask & IN_CREATE) return { kind: 'made', directory, name };
    if (mask & IN_MOVED_TO) return { kind: 'moved-in', directory, name };
    return undefined;
  }

  #uint32(offset: number): number {
    return littleEndian ? this.#buffer.readUInt32LE(offset) : this.#buffer.readUInt32BE(offset);
  }
}
