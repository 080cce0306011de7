import { isPreloadedProgram } from '../function/module/programs.ts';
import { fileSystemVerdict } from '../lock/file-system.ts';
import type { Place } from '../log/records.ts';
import type { Logger } from '../report/logger.ts';
import { createStateFile, createStateFileNow, type StateFileSettings } from '../state/create-state-file.ts';
import { stateIo } from '../state/file-io.ts';
import { isHeaderOfNow } from '../state/runner-start.ts';
import type { StateDirectory } from '../state/state-directory.ts';
import type { StateFile } from '../state/state-file.ts';
import { changeOfUser, currentUser, type ProcessUser } from '../trust/user.ts';

/** The state files of one manager. Jobs that follow each other use one file; jobs side by side have one each. */
export class FilePool {
  readonly #directory: StateDirectory;
  readonly #settings: StateFileSettings;
  readonly #logger: Logger;
  /** The file of an ended job, for the next job. Locked, and without functions. */
  #idle: StateFile | undefined;
  /** Who made each file: its functions run with the rights of that user. */
  readonly #makers = new WeakMap<StateFile, ProcessUser>();
  #isClosed = false;
  #knowsFileSystem = false;

  constructor(directory: StateDirectory, settings: StateFileSettings, logger: Logger) {
    this.#directory = directory;
    this.#settings = { ...settings, isProgram: isPreloadedProgram };
    this.#logger = logger;
  }

  /** The name of the idle file, if there is one. */
  get idle(): readonly string[] {
    return this.#idle ? [this.#idle.name] : [];
  }

  /** A locked file without functions, for a job. @throws as `DeferredFunctionManager.open` */
  async take(): Promise<StateFile> {
    const file = this.#takeIdle() ?? this.#made(await createStateFile(this.#directory, this.#settings));
    try {
      this.#checkFileSystem(file);
    } catch (error) {
      this.remove(file);
      throw error;
    }
    return file;
  }

  /** As {@link take}, a fresh file without waiting. */
  createNow(cwd: Place | null): StateFile {
    return this.#made(createStateFileNow(this.#directory, { ...this.#settings, cwd }));
  }

  /** Takes back a file in which nothing is pending. Empties it for another job (true), or removes it (false). */
  giveBack(file: StateFile): boolean {
    // One idle file is enough: jobs that were open side by side may never be again. With 'disk' no file is kept: a power
    // cut can leave half a truncation, zeros without the length. Such a file looks damaged.
    if (this.#idle || this.#isClosed || file.header.durability === 'disk') {
      this.remove(file);
      return false;
    }
    file.reset();
    this.#idle = file;
    return true;
  }

  /** Removes a file in which nothing is pending. If that fails, the next sweep removes it: it is logged, not thrown. */
  remove(file: StateFile): void {
    for (const step of [() => file.remove(), () => file.close()])
      try {
        step();
      } catch (error) {
        this.#logger.warn(`deferred-sweep: cannot remove ${file.path}, a sweep will: ${String(error)}`);
      }
  }

  /** From now on no file is kept. */
  close(): void {
    this.#isClosed = true;
    const idle = this.#idle;
    this.#idle = undefined;
    if (idle) this.remove(idle);
  }

  #takeIdle(): StateFile | undefined {
    const file = this.#idle;
    this.#idle = undefined;
    if (!file) return undefined;
    const maker = this.#makers.get(file);
    const isSameUser = maker !== undefined && changeOfUser(maker) === undefined;
    // A runner takes what the process had from the header.
    if (isSameUser && isHeaderOfNow(file.header, isPreloadedProgram)) return file;
    this.remove(file);
    return undefined;
  }

  #made(file: StateFile): StateFile {
    this.#makers.set(file, currentUser());
    return file;
  }

  #checkFileSystem(file: StateFile): void {
    if (this.#knowsFileSystem) return;
    // Our locked file keeps a cleanup from removing the directory meanwhile.
    const verdict = stateIo(`tell the file system of ${file.path}`, file.path, () =>
      fileSystemVerdict(file.path),
    );
    this.#knowsFileSystem = true;
    if (verdict === 'local') return;
    this.#logger.warn(
      `deferred-sweep: ${this.#directory.path} is on a network or FUSE file system, whose locks may hold only within one host or mount; use a local directory`,
    );
  }
}
