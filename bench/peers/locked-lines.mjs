/**
 * Done by hand: a file a job, with a line of JSON for each function and for each mark, and a lock on it. No checksums, no
 * checks of who owns the file, no runner. With flock(2) of fs-ext, or with proper-lockfile's directory beside the file.
 */
import { closeSync, openSync, readdirSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CALL, call } from './calls.mjs';

const require = createRequire(import.meta.url);

/** How fs-ext locks; undefined where the file is locked by another. */
function flock() {
  const { flockSync } = require('fs-ext');
  return {
    lock(_path, fd) {
      try {
        flockSync(fd, 'exnb');
      } catch (error) {
        if (error.code === 'EAGAIN') return undefined;
        throw error;
      }
      return () => flockSync(fd, 'un');
    },
  };
}

function properLockfile() {
  const { lockSync } = require('proper-lockfile');
  return {
    lock(path) {
      try {
        return lockSync(path, { realpath: false, stale: 10_000 });
      } catch (error) {
        if (error.code === 'ELOCKED') return undefined;
        throw error;
      }
    },
  };
}

export class LockedLines {
  #locks;
  #directory;
  #path;
  #fd;
  #unlock;
  #last = 0;

  static byHand = directory => new LockedLines(flock(), directory);
  static properLockfile = directory => new LockedLines(properLockfile(), directory);

  constructor(locks, directory) {
    this.#locks = locks;
    this.#directory = directory;
  }

  /** Opens a job: makes its file, and locks it. */
  open(name = 'job.jsonl') {
    this.#path = join(this.#directory, name);
    this.#fd = openSync(this.#path, 'ax+', 0o600);
    this.#unlock = this.#locks.lock(this.#path, this.#fd);
    return this;
  }

  register(call = CALL) {
    writeSync(this.#fd, `${JSON.stringify({ id: ++this.#last, ...call })}\n`);
  }

  async run() {
    await runLines(this.#path, this.#fd);
  }

  /** Closes the job, whose functions are done. */
  close() {
    unlinkSync(this.#path);
    this.#unlock();
    closeSync(this.#fd);
  }

  /** Opens a job beside others of this process. Only the last can be used. */
  openAnother(n) {
    this.open(`${n}`.padStart(7, '0').concat('.jsonl'));
  }

  /** Makes the files of `files` dead owners. */
  leave(files, functions) {
    for (let n = 0; n < files; n++) {
      this.openAnother(n);
      for (let i = 0; i < functions; i++) this.register();
      this.#unlock();
      closeSync(this.#fd);
    }
  }

  /** Looks at every file, and runs what is in those that nobody has locked. */
  async sweep() {
    let ran = 0;
    let live = 0;
    for (const name of readdirSync(this.#directory).sort()) {
      if (!name.endsWith('.jsonl')) continue;
      const path = join(this.#directory, name);
      const fd = openSync(path, 'a+');
      const unlock = this.#locks.lock(path, fd);
      if (unlock) {
        ran += await runLines(path, fd);
        unlinkSync(path);
        unlock();
      } else live++;
      closeSync(fd);
    }
    return { ran, live };
  }
}

/** Runs the functions of a file, each between two marks. */
async function runLines(path, fd) {
  let ran = 0;
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line === '') continue;
    const stored = JSON.parse(line);
    if (stored.mark) continue;
    writeSync(fd, `{"mark":"start","id":${stored.id},"at":${Date.now()}}\n`);
    const result = call(stored);
    if (result) await result;
    writeSync(fd, `{"mark":"done","id":${stored.id},"at":${Date.now()}}\n`);
    ran++;
  }
  return ran;
}
