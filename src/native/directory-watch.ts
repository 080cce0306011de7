/** One inotify(7) instance for any number of directories, read by the event loop itself: no thread of libuv's pool. */
import { closeSync, readSync } from 'node:fs';
import { constants } from 'node:os';
import { unlessRefused } from '../errors.ts';
import { nativeAddon } from '../lock/native.ts';
import { isFailure, succeeded } from '../lock/system-error.ts';

export type DirectoryEvent =
  /**
   * `closed`: the last descriptor that could write to the file was closed: its owner is gone, with all that inherited it.
   * `made`: a file or directory was made. `moved-in`: one came by rename(2).
   */
  | { readonly kind: 'closed' | 'made' | 'moved-in'; readonly directory: string; readonly name: string }
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

export class DirectoryWatch {
  readonly #fd: number;
  readonly #directories = new Map<number, string>();
  readonly #listener: (events: readonly DirectoryEvent[]) => void;
  readonly #words = new Uint32Array(BUFFER_BYTES / 4);
  readonly #stop: () => void;
  #isClosed = false;

  private constructor(fd: number, listener: (events: readonly DirectoryEvent[]) => void) {
    this.#fd = fd;
    this.#listener = listener;
    this.#stop = succeeded(nativeAddon().pollReadable(fd, () => this.#read()));
  }

  /**
   * A watch on no directory yet, or undefined where there is no inotify (macOS): poll. It keeps the event loop alive.
   * @param listener - told of events in the order of the kernel, all that are there at once
   * @throws Error of Node's shape: EMFILE when the user has `fs.inotify.max_user_instances` of them
   */
  static open(listener: (events: readonly DirectoryEvent[]) => void): DirectoryWatch | undefined {
    const fd = nativeAddon().openDirectoryWatches();
    if (isFailure(fd) && fd.errno === constants.errno.ENOSYS) return undefined;
    const opened = succeeded(fd);
    try {
      return new DirectoryWatch(opened, listener);
    } catch (error) {
      closeSync(opened);
      throw error;
    }
  }

  /**
   * What happened in the directory before is for the caller to look up, after this call.
   * @param events - take the place of those of an earlier call
   * @throws Error of Node's shape: ENOENT, ENOTDIR, EACCES; ENOSPC when the user has `fs.inotify.max_user_watches` of them
   */
  add(directory: string, events: WatchedEvents): void {
    const watch = succeeded(nativeAddon().addDirectoryWatch(this.#fd, directory, EVENTS.indexOf(events)));
    this.#directories.set(watch, directory);
  }

  /** No event is told after this. May be called again. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stop();
    closeSync(this.#fd);
  }

  #read(): void {
    // Whole events, without waiting: the descriptor is non-blocking. EAGAIN: read already. EINTR: the event loop calls again.
    const length = unlessRefused(() => readSync(this.#fd, this.#words), 0, 'EAGAIN', 'EINTR');
    const events: DirectoryEvent[] = [];
    for (let offset = 0; offset < length; ) {
      const [watch = 0, mask = 0, , nameBytes = 0] = this.#words.subarray(offset / 4);
      const name = Buffer.from(this.#words.buffer, offset + EVENT_BYTES, nameBytes);
      const event = this.#event(watch, mask, name);
      if (event !== undefined) events.push(event);
      offset += EVENT_BYTES + nameBytes;
    }
    if (events.length > 0) this.#listener(events);
  }

  /** @param padded - the name, and NULs behind it */
  #event(watch: number, mask: number, padded: Buffer): DirectoryEvent | undefined {
    if (mask & IN_Q_OVERFLOW) return { kind: 'overflow' };
    const directory = this.#directories.get(watch);
    // Events may still be in the queue behind the one that told of the directory's end.
    if (directory === undefined) return undefined;
    if (mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)) {
      this.#directories.delete(watch);
      // A directory that was renamed would be watched on under its old name. Of others the kernel has taken it out.
      if (mask & IN_MOVE_SELF) nativeAddon().removeDirectoryWatch(this.#fd, watch);
      return { kind: 'gone', directory };
    }
    const name = padded.toString('utf8', 0, padded.indexOf(0));
    if (mask & IN_CLOSE_WRITE) return { kind: 'closed', directory, name };
    if (mask & IN_CREATE) return { kind: 'made', directory, name };
    if (mask & IN_MOVED_TO) return { kind: 'moved-in', directory, name };
    return undefined;
  }
}
