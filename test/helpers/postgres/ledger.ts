import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** One line of the ledger: what a function, or its registrar, did. */
export interface Entry {
  readonly what: string;
  readonly name: string;
  readonly pid: number;
  readonly atMs: number;
  readonly fence: number | undefined;
}

/** An append-only file beside the store, that knows nothing of it. One write(2) a line. */
export class Ledger {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  note(what: string, name: string, fence?: number): void {
    const atMs = performance.timeOrigin + performance.now();
    appendFileSync(this.path, `${JSON.stringify({ what, name, pid: process.pid, atMs, fence })}\n`);
  }

  entries(): Entry[] {
    if (!existsSync(this.path)) return [];
    return readFileSync(this.path, 'utf8')
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as Entry);
  }

  /** Names of the entries of one kind, sorted. */
  names(what: string): string[] {
    return this.entries()
      .filter(entry => entry.what === what)
      .map(entry => entry.name)
      .sort();
  }
}
