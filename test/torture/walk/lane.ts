/** Where a scenario runs, again and again: always the same paths, made afresh from a copy of what was prepared. */
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { functionsIn } from './left-over.ts';
import { LIFE } from './notes.ts';
import { PROGRAM } from './program.ts';
import { Props } from './props.ts';
import type { FoundScenario, Scenario } from './scenario.ts';

const GATE = fileURLToPath(new URL('./gate.js', import.meta.url));

export class Lane {
  readonly root: string = mkdtempSync(join(tmpdir(), 'torture-'));
  readonly base: string;
  readonly ledger: string = join(this.root, 'ledger');
  readonly scenario: Scenario;
  readonly path: string;
  /** What its actions end, where it has some. */
  readonly props: Props | undefined;
  readonly #template = join(this.root, 'template');
  /** What was told while it was prepared. */
  prepared: readonly string[] = [];
  /** The names of functions that it left, by the name of their file and their number in it. */
  orphaned: ReadonlyMap<string, string> = new Map();

  constructor({ scenario, path }: FoundScenario) {
    this.scenario = scenario;
    this.path = path;
    if (scenario.hasProps) this.props = new Props(this.root);
    this.base = join(this.root, String(scenario.user ?? 'base'));
    // The user goes through it.
    if (scenario.user !== undefined) chmodSync(this.root, 0o755);
  }

  get gate(): string {
    return join(this.root, 'gate');
  }

  get runnerPid(): string {
    return join(this.root, 'runner-pid');
  }

  async prepare(): Promise<void> {
    // Of a user's directory root wants that it is the user's alone.
    mkdirSync(this.base, { mode: 0o700 });
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
    await this.props?.listen();
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
    this.props?.reset();
    if (this.isGated) spawnSync('mkfifo', ['--mode=666', this.gate]);
    const { user } = this.scenario;
    if (user === undefined) return;
    // Written by the user, in a directory of root's.
    for (const path of [this.ledger, this.runnerPid]) writeFileSync(path, '');
    for (const path of [this.base, this.ledger, this.runnerPid]) this.#give(path, user);
  }

  /** Whether the victim waits at a gate until it is traced. */
  get isGated(): boolean {
    return (this.scenario.victim ?? 'program') !== 'program';
  }

  /** What the program is started under, where it wants a PID namespace and may have one: as pid 1 of it. */
  get namespace(): readonly string[] {
    // The first one sees those below it. From another the test's sweep could not.
    const canSee = readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]' && process.getuid?.() === 0;
    if (!this.scenario.looksAtProcesses || !canSee) return [];
    return ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
  }

  /** Makes root the owner of what the user has: the test sweeps it up. */
  takeBack(): void {
    if (this.scenario.user !== undefined) this.#give(this.base, 0);
  }

  #give(path: string, uid: number): void {
    const { status } = spawnSync('chown', ['--recursive', `${uid}:${uid}`, path]);
    if (status !== 0) throw new Error(`cannot give ${path} to ${uid}`);
  }

  remove(): void {
    this.props?.close();
    rmSync(this.root, { recursive: true, force: true });
  }
}
