/** Two ordinary users for tests that root runs: processes with ids that no account has. */

import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { plainEnvironment } from './command-line.ts';
import { notForOthers } from './other-user.ts';

/** The victim, and a user who attacks. */
export const ALICE = 64101;
export const MALLORY = 64102;

/** For the `skip` option of tests that act as other users: false, or why they cannot run. */
export const notRoot: string | false = notForOthers;

const index = JSON.stringify(import.meta.resolve('#dist/index.js'));

/** Begins the programs of {@link runAs}: the package, `fs`, and the program's own arguments as `args`. */
const prologue = `
  import * as fs from 'node:fs';
  import { DeferredFunctionManager, sweep } from ${index};
  const args = process.argv.slice(1);
  const codeOf = async step => { try { return await step(), 'none'; } catch (error) { return error.code + ' ' + error.message; } };
`;

export interface RunAs {
  readonly uid: number;
  /** @defaultValue the group with the number of the user */
  readonly gid?: number;
  readonly umask?: number;
}

/** Runs a program, given as the text of a module, as another user without other groups, to its end. */
export function runAs(
  { uid, gid = uid, umask = 0o22 }: RunAs,
  program: string,
  ...args: string[]
): SpawnSyncReturns<string> {
  const source = `process.umask(${umask});\n${program}`;
  return spawnSync(process.execPath, ['--input-type=module', '--eval', prologue + source, ...args], {
    uid,
    gid,
    cwd: '/',
    env: plainEnvironment(),
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
}

/** What a program run by {@link runAs} printed. @throws Error if it failed */
export function printedBy(who: RunAs, program: string, ...args: string[]): string {
  const { status, stdout, stderr } = runAs(who, program, ...args);
  if (status !== 0) throw new Error(`status ${status}: ${stderr}`);
  return stdout.trim();
}

/** A user dies with a function registered in `base` that writes the user's id into `ledger`. */
export function leaveOrphanAs(
  who: RunAs,
  base: string,
  ledger: string,
  options: object = { trustedPaths: [base] },
): void {
  const { signal, stderr } = runAs(
    who,
    `const job = await new DeferredFunctionManager(args[0], { logger: null, ...JSON.parse(args[2]) }).open();
     job.defer(async to => (await import('node:fs')).appendFileSync(to, process.geteuid() + '\\n'), args[1]);
     process.kill(process.pid, 'SIGKILL');`,
    base,
    ledger,
    JSON.stringify(options),
  );
  if (signal !== 'SIGKILL') throw new Error(`the worker did not get as far as its death: ${stderr}`);
}

/** A directory of this owner and mode, whatever the umask. */
export function directoryOf(path: string, uid: number, mode = 0o755, gid = uid): string {
  mkdirSync(path, { recursive: true });
  chownSync(path, uid, gid);
  chmodSync(path, mode);
  return path;
}

/** What the code of a refusal and its text is when every way into `base` is tried as `who`. */
export function refusalsOf(who: RunAs, base: string, options: object = {}): string[] {
  const printed = printedBy(
    who,
    `const options = { logger: null, ...JSON.parse(args[1]) };
     console.log(JSON.stringify([
       await codeOf(() => sweep(args[0], options)),
       await codeOf(() => DeferredFunctionManager.cleanupWorker(args[0], options)),
       await codeOf(async () => (await new DeferredFunctionManager(args[0], options).open()).close()),
     ]));`,
    base,
    JSON.stringify(options),
  );
  return JSON.parse(printed) as string[];
}

/** A directory that other users can go through, below `root`, which is made so. */
export function commonDirectory(root: string, name = 'common', mode = 0o755): string {
  chmodSync(root, 0o755);
  return directoryOf(join(root, name), 0, mode);
}
