/** Control groups of a test's own, of either version: memory with a limit, and a freezer. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { NotHere } from './mounts.ts';

export type Version = 1 | 2;

/** Where a controller of cgroup v1, or all of v2, is mounted. @throws NotHere */
function hierarchy(version: Version, controller: 'memory' | 'freezer'): string {
  for (const line of readFileSync('/proc/self/mounts', 'latin1').split('\n')) {
    const [, path, type, options] = line.split(' ');
    if (version === 1 && type === 'cgroup' && options?.split(',').includes(controller)) return path!;
    // The freezer is a part of every group of v2.
    if (version === 2 && type === 'cgroup2' && (controller === 'freezer' || offers(path!, controller)))
      return path!;
  }
  throw new NotHere(`NOT TESTED: no cgroup v${version} with ${controller} is mounted`);
}

function offers(path: string, controller: string): boolean {
  return readFileSync(join(path, 'cgroup.subtree_control'), 'latin1').trim().split(' ').includes(controller);
}

export class ControlGroup {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** @param end - ends what is in the group, which must be empty to be removed */
  static make(
    t: TestContext,
    version: Version,
    controller: 'memory' | 'freezer',
    end: () => Promise<void>,
  ): ControlGroup {
    const path = join(hierarchy(version, controller), `deferred-sweep-${process.pid}-${performance.now()}`);
    try {
      mkdirSync(path);
    } catch (error) {
      throw new NotHere(`NOT TESTED: cannot make a cgroup: ${String(error)}`);
    }
    t.after(async () => {
      await end();
      rmdirSync(path);
    });
    return new ControlGroup(path);
  }

  /** For the `under` option of `startChild`: the program begins its life in the group. */
  get under(): [string, ...string[]] {
    return ['sh', '-c', `echo $$ > ${this.#path}/cgroup.procs && exec "$@"`, 'sh'];
  }

  read(file: string): string {
    return readFileSync(join(this.#path, file), 'latin1');
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.#path, file), text);
  }

  has(file: string): boolean {
    return existsSync(join(this.#path, file));
  }
}
