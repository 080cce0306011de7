/**
 * A table of pending cleanups: better-sqlite3, in WAL mode. A row for each owner with its pid, which is asked for with kill(2),
 * and one for each function; each mark is a commit. `synchronous` is OFF, NORMAL (a crash of the machine loses the last) or FULL.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CALL, call } from './calls.mjs';

const require = createRequire(import.meta.url);

/** Whether it could be installed: it is compiled where no prebuilt file of it can be had. */
export function hasTable() {
  try {
    new (require('better-sqlite3'))(':memory:').close();
    return true;
  } catch {
    return false;
  }
}

export class Table {
  #database;
  #statements;
  #owner;

  constructor(directory, synchronous = 'NORMAL') {
    const Database = require('better-sqlite3');
    this.#database = new Database(join(directory, 'pending.db'));
    this.#database.pragma('journal_mode = WAL');
    this.#database.pragma(`synchronous = ${synchronous}`);
    this.#database.exec(`
      CREATE TABLE IF NOT EXISTS owner (id INTEGER PRIMARY KEY, pid INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS pending (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, call TEXT NOT NULL, started INTEGER);
      CREATE INDEX IF NOT EXISTS of_owner ON pending (owner);
    `);
    const prepare = text => this.#database.prepare(text);
    this.#statements = {
      open: prepare('INSERT INTO owner (pid) VALUES (?)'),
      register: prepare('INSERT INTO pending (owner, call) VALUES (?, ?)'),
      ofOwner: prepare('SELECT id, call FROM pending WHERE owner = ? ORDER BY id'),
      start: prepare('UPDATE pending SET started = ? WHERE id = ?'),
      done: prepare('DELETE FROM pending WHERE id = ?'),
      close: prepare('DELETE FROM owner WHERE id = ?'),
      owners: prepare('SELECT id, pid FROM owner ORDER BY id'),
    };
  }

  open(pid = process.pid) {
    this.#owner = this.#statements.open.run(pid).lastInsertRowid;
    return this;
  }

  openAnother() {
    this.open();
  }

  register(call = CALL) {
    this.#statements.register.run(this.#owner, JSON.stringify(call));
  }

  async run(owner = this.#owner) {
    const all = this.#statements.ofOwner.all(owner);
    for (const { id, call: text } of all) {
      this.#statements.start.run(Date.now(), id);
      const result = call(JSON.parse(text));
      if (result) await result;
      this.#statements.done.run(id);
    }
    return all.length;
  }

  close() {
    this.#statements.close.run(this.#owner);
  }

  end() {
    this.#database.close();
  }

  /** Makes the rows of `files` owners; they died if their pid is another's. */
  leave(files, functions, pid) {
    this.#database.transaction(() => {
      for (let n = 0; n < files; n++) {
        this.open(pid);
        for (let i = 0; i < functions; i++) this.register();
      }
    })();
  }

  async sweep() {
    let ran = 0;
    let live = 0;
    for (const { id, pid } of this.#statements.owners.all()) {
      if (isAlive(pid)) live++;
      else {
        ran += await this.run(id);
        this.#statements.close.run(id);
      }
    }
    return { ran, live };
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
