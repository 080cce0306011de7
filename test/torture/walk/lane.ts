/** Where a scenario runs, again and again: always the same paths, made afresh from a copy of what was prepared. */
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { functionsIn } from './left-over.ts';
import { LIFE } from './notes.ts';
import { PROGRAM } from './program.ts';
import type { FoundScenario, Scenario } from './scenario.ts';

const GATE = fileURLToPath(new URL('./gate.js', import.meta.url));

export class Lane {
  readonly root: string = mkdtempSync(join(tmpdir(), 'torture-'));
  readonly base: string = join(this.root, 'base');
  readonly ledger: string = join(this.root, 'ledger');
  readonly scenario: Scenario;
  readonly path: string;
  readonly #template = join(this.root, 'template');
  /** What was told while it was prepared. */
  prepared: readonly string[] = [];
  /** The names of functions that it left, by the name of their file and their number in it. */
  orphaned: ReadonlyMap<string, string> = new Map();

  constructor({ scenario, path }: FoundScenario) {
    this.scenario = scenario;
    this.path = path;
  }

  get gate(): string {
    return join(this.root, 'gate');
  }

  get runnerPid(): string {
    return join(this.root, 'runner-pid');
  }

  async prepare(): Promise<void> {
    mkdirSync(this.base);
    if (this.scenario.prepare) {
      const loader = this.scenario.victim === 'runner' ? ['--import', GATE] : [];
      const child = spawn(process.execPath, [...loader, PROGRAM, 'prepare', this.path, this.base], {
        stdio: ['ignore', 'pipe', 'inherit'],
        cwd: this.root,
        env: { ...process.env, [LIFE]: randomUUID() },
      });
      const [told] = await Promise.all([text(child.stdout), once(child, 'close')]);
      this.prepared = told.split('\n').filter(Boolean);
    }
    this.orphaned = functionsIn(join(this.base, 'deferred'));
    renameSync(this.base, this.#template);
  }

  /** How long a file was when it was prepared. */
  preparedBytes(path: string): number {
    return statSync(join(this.#template, relative(this.base, path)), { throwIfNoEntry: false })?.size ?? 0;
  }

  reset(): void {
    for (const path of [this.base, this.ledger, `${this.ledger}.held`, this.gate, this.runnerPid])
      rmSync(path, { recursive: true, force: true });
    cpSync(this.#template, this.base, { recursive: true });
    if (this.scenario.victim === 'runner') spawnSync('mkfifo', [this.gate]);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
