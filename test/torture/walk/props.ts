/** What the actions of a scenario end or remove, and what stands beside it and must stay. Made by the test for each run. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readProcess } from '#dist/native/process-table.js';

/** Where its things are, below the root of a scenario. */
export function thingsIn(root: string): {
  tree: string;
  spared: string;
  neighbour: string;
  pid: string;
  port: string;
} {
  const at = (name: string): string => join(root, 'things', name);
  return {
    tree: at('tree'),
    spared: at('spared'),
    neighbour: at('neighbour'),
    pid: at('pid'),
    port: at('port'),
  };
}

export class Props {
  readonly #root: string;
  #sleepers: readonly ChildProcess[] = [];
  #requests = 0;
  readonly #server = createServer((_request, response) => {
    this.#requests++;
    response.end();
  });

  constructor(root: string) {
    this.#root = root;
  }

  async listen(): Promise<void> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve));
  }

  reset(): void {
    this.#end();
    this.#requests = 0;
    const { tree, spared, neighbour, pid, port } = thingsIn(this.#root);
    for (const directory of [join(tree, 'deep'), spared, neighbour])
      mkdirSync(directory, { recursive: true });
    writeFileSync(join(tree, 'deep', 'file'), '');
    // The second is never named to the scenario.
    this.#sleepers = [1, 2].map(() =>
      spawn('sleep', ['86400'], { stdio: 'ignore', env: { PATH: process.env.PATH } }),
    );
    writeFileSync(pid, String(this.#sleepers[0]?.pid));
    writeFileSync(port, String((this.#server.address() as AddressInfo).port));
  }

  /** What is broken when all has been swept, by what the scenario told: `acted NAME` of what it registered. */
  breaches(base: string, told: readonly string[]): string[] {
    const { tree, spared, neighbour } = thingsIn(this.#root);
    const hasActed = (name: string): boolean => told.includes(`acted ${name}`);
    // Node hears of an end later than those who look.
    const [victim, bystander] = this.#sleepers.map(
      ({ pid }) => pid !== undefined && readProcess(pid) !== undefined,
    );
    const strays = readdirSync(base).filter(name => name !== 'deferred');
    return [
      ...(hasActed('removePath') && existsSync(tree) ? ['the tree was not removed'] : []),
      ...(told.includes('cancelled spared') && !existsSync(spared) ? ['what was cancelled was removed'] : []),
      ...(existsSync(neighbour) ? [] : ['the neighbour was removed']),
      ...(hasActed('killProcess') && victim ? ['the process was not ended'] : []),
      ...(bystander ? [] : ['another process was ended']),
      ...(hasActed('requestUrl') && this.#requests === 0 ? ['the server was not asked'] : []),
      ...strays.map(name => `${name} is left over`),
    ];
  }

  close(): void {
    this.#end();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #end(): void {
    for (const sleeper of this.#sleepers) sleeper.kill('SIGKILL');
    rmSync(join(this.#root, 'things'), { recursive: true, force: true });
  }
}

/** What {@link Props} wrote. */
export function readThing(path: string): number {
  return Number(readFileSync(path, 'utf8'));
}
