import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freshDirectory } from './fresh-directory.ts';

export const packageRoot: string = fileURLToPath(new URL('../../', import.meta.url));
/** What the bin `deferred-sweep` is. */
export const commandLinePath: string = join(packageRoot, 'dist/cli/start.cjs');

export interface CommandLineOptions {
  cwd?: string;
  /** The whole environment. */
  env?: NodeJS.ProcessEnv;
}

export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the command line to its end. */
export function runCommandLine(args: readonly string[], options: CommandLineOptions = {}): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [commandLinePath, ...args], {
    cwd: options.cwd ?? packageRoot,
    env: options.env ?? plainEnvironment(),
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** Starts the command line; it is killed at the end of the test. */
export function startCommandLine(t: TestContext, args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [commandLinePath, ...args], {
    env: plainEnvironment(),
    stdio: 'pipe',
  });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

/** Writes a program `deferred-sweep` into a directory, which needs no PATH. Returns its path. */
export function installCommand(directory: string): string {
  const program = join(directory, 'deferred-sweep');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${commandLinePath}' "$@"\n`);
  chmodSync(program, 0o755);
  return program;
}

/** `deferred-sweep` is found from this directory, as after `npm install`. */
export function linkPackage(directory: string): void {
  const packages = join(directory, 'node_modules');
  mkdirSync(packages, { recursive: true });
  symlinkSync(packageRoot, join(packages, 'deferred-sweep'));
}

/** Ours, without what would make a child take itself for a part of the test runner, or name a directory. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _context, DEFERRED_SWEEP_DIR: _base, ...env } = process.env;
  return env;
}

/**
 * A base directory with the state file of a worker that registered some functions and was killed by SIGKILL.
 * @param body - statements that call `job.defer`; `base` is the base directory, `DeferredFunction` is there
 * @param options - of the manager, as source text
 */
export function baseOfKilledWorker(t: Pick<TestContext, 'after'>, body: string, options = '{}'): string {
  const base = freshDirectory(t);
  const project = freshDirectory(t);
  linkPackage(project);
  writeFileSync(
    join(project, 'worker.mjs'),
    `import { promises } from 'node:fs';
     import { DeferredFunction, DeferredFunctionManager } from 'deferred-sweep';
     const base = ${JSON.stringify(base)};
     const job = await new DeferredFunctionManager(base, ${options}).open();
     ${body}
     process.kill(process.pid, 'SIGKILL');`,
  );
  const { signal, stderr } = spawnSync(process.execPath, ['worker.mjs'], {
    cwd: project,
    env: plainEnvironment(),
    encoding: 'utf8',
  });
  if (signal !== 'SIGKILL') throw new Error(`the worker did not get as far as its death: ${stderr}`);
  return base;
}
