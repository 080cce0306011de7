/** A program of `examples/integrations/` that runs: its lines, its death, and the sweep after it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { packageRoot, plainEnvironment, runCommandLine } from '../../helpers/command-line.ts';
import { createMark, MARK_VARIABLE, markedProcesses } from '../../helpers/process-marks.ts';

const directory = join(packageRoot, 'examples/integrations');

/** How long a program may take for one line, on a machine that is busy. */
const PATIENCE_MS = 60_000;

export const skipExamples: string | false = existsSync(join(directory, 'node_modules'))
  ? false
  : 'SKIPPED: the packages of examples/integrations are not installed; npm run test:examples installs them';

class Running {
  readonly child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #ended: Promise<unknown>;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.child = spawn(command, args, { cwd: directory, env, stdio: 'pipe' });
    this.#ended = once(this.child, 'close');
    for (const stream of [this.child.stdout, this.child.stderr])
      createInterface(stream!).on('line', line => {
        this.#lines.push(line);
        this.child.emit('said', line);
      });
  }

  /** The first line that matches, once it has been printed. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const limit = AbortSignal.timeout(PATIENCE_MS);
    for (let at = 0; ; at += 1) {
      while (at >= this.#lines.length) {
        const said = once(this.child, 'said', { signal: limit });
        const end = await Promise.race([said.then(() => false), this.#ended.then(() => true)]).catch(
          () => true,
        );
        if (end && at >= this.#lines.length) throw new Error(`no ${pattern} in:\n${this.#lines.join('\n')}`);
      }
      const match = pattern.exec(this.#lines[at]!);
      if (match !== null) return match;
    }
  }

  /** Ends it as the system would, without a word. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }

  /** Its exit status, when it ends by itself after its input. */
  async end(): Promise<number | null> {
    this.child.stdin!.end();
    await this.#ended;
    return this.child.exitCode;
  }

  async terminate(): Promise<number | null> {
    this.child.kill('SIGTERM');
    await this.#ended;
    return this.child.exitCode;
  }
}

export type { Running };

export interface Stage {
  start(program: string, args: readonly string[], env?: NodeJS.ProcessEnv): Running;
  /** Names of the processes of this test that live. */
  alive(): number;
}

/** Starts examples; what is left of them at the end of the test is killed. */
export function createStage(t: TestContext): Stage {
  const mark = createMark(t);
  const start = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running => {
    const all = { ...plainEnvironment(), [MARK_VARIABLE]: mark, ...env };
    const [command, first] = program.endsWith('.mjs') ? [process.execPath, [program]] : [program, []];
    return new Running(command, [...first, ...args], all);
  };
  return { start, alive: () => markedProcesses(mark).length };
}

/** Sweeps as an operator would, and returns what the command printed last. */
export function cleanup(base: string): string {
  const { status, stdout, stderr } = runCommandLine(['cleanup', base]);
  if (status !== 0) throw new Error(`cleanup ended with ${status}: ${stdout}${stderr}`);
  return stdout.trim().split('\n').at(-1) ?? '';
}
