/** The verb `exec`: a job around a program, in any language. */
import { type ChildProcess, spawn } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { temporaryDirectory } from '../../actions/temporary-directory.ts';
import { systemErrorCode, unlessRefused } from '../../errors.ts';
import { dieOf } from '../../job/die-of.ts';
import type { Job } from '../../job/job.ts';
import { DeferredFunctionManager } from '../../job/manager.ts';
import { namesLockedFile } from '../../lock/held-file.ts';
import { becomeSubreaper, reapAdopted, withInherited } from '../../native/own-process.ts';
import { defaultBase } from '../../state/default-base.ts';
import { programReason } from '../../state/system-reason.ts';
import type { Arguments } from '../arguments.ts';
import { EXIT_NO_JOB } from '../exit.ts';
import { say } from '../output/output.ts';
import { type Command, changedVariables, commandOf, isCommandLineTextual } from './command-line.ts';
import { SOCKET_VARIABLE } from './defer.ts';
import { ExecJob } from './exec-job.ts';
import { SignalRelay } from './signals.ts';

const EXIT_NOT_STARTED = 126;
const EXIT_NOT_FOUND = 127;

/** On Linux a link into /proc. */
const DESCRIPTORS = '/dev/fd';

type End = { readonly signal: NodeJS.Signals } | { readonly status: number };

/**
 * Opens a job, runs the program, closes the job. Returns the exit status, or ends this process by the signal that
 * ended the program. What goes wrong with a cleanup is told on standard error and changes neither.
 * @throws UsageError
 */
export async function runExec(line: Arguments): Promise<number> {
  const command = commandOf('exec', 'program', line);
  const given = line.text('base') ?? defaultBase();
  const label = line.text('label');
  const deferred = line.texts('defer');
  const signals = new SignalRelay();
  reapOrphans();
  let end: End;
  try {
    requireText();
    requireDescriptors();
    const base = isAbsolute(given) ? given : join(workingDirectory(), given);
    // It sweeps before the program begins. Afterwards this signal is aborted no more.
    const options = { label, order: 'lifo', signal: signals.early } as const;
    const manager = new DeferredFunctionManager(base, options);
    try {
      end = await runInJob(await manager.open(), line, deferred, command, signals);
    } finally {
      await manager.close();
    }
  } catch (error) {
    say(`exec: ${error instanceof Error ? error.message : String(error)}`);
    end = { status: EXIT_NO_JOB };
  }
  signals.stop();
  return 'signal' in end ? dieOf(end.signal) : end.status;
}

async function runInJob(
  job: Job,
  line: Arguments,
  deferred: readonly string[],
  command: Command,
  signals: SignalRelay,
): Promise<End> {
  const { env } = process;
  const execJob = new ExecJob(job);
  const socket = await execJob.listen();
  try {
    const scratch = line.has('scratch') ? { TMPDIR: temporaryDirectory(job, { prefix: 'scratch-' }) } : {};
    const kept = { ...(env.PATH === undefined ? {} : { PATH: env.PATH }), ...scratch };
    for (const text of deferred)
      execJob.defer({ file: '/bin/sh', argv: ['-c', text], cwd: workingDirectory(), env: kept });
    const inside = { ...env, ...scratch, [SOCKET_VARIABLE]: socket };
    const programEnv = line.has('kill-tree') ? execJob.deferEndOfTree(inside) : inside;
    // Told to end before there was a program.
    if (signals.first !== undefined) return { signal: signals.first };
    return await runProgram(job, command, programEnv, signals);
  } finally {
    signals.startCleanup();
    await execJob.close();
  }
}

/** @throws Error in words when Node has changed an argument: the program would get another one */
function requireText(): void {
  if (!isCommandLineTextual())
    throw new Error('an argument is not UTF-8, and could not be passed on as it is; nothing was started');
  for (const name of changedVariables())
    say(`exec: the program gets ${name} changed: its value is not UTF-8`);
}

/** @throws Error in words when the descriptors of this process cannot be listed: the program could not get the lock */
function requireDescriptors(): void {
  try {
    readdirSync(DESCRIPTORS);
  } catch (error) {
    const why = `${DESCRIPTORS}, which finds its lock for the program, cannot be read (${systemErrorCode(error)})`;
    throw new Error(`cannot open a job: ${why}; mount /proc; nothing was started`, { cause: error });
  }
}

/** @throws Error in words when it was removed */
function workingDirectory(): string {
  const path = unlessRefused(() => process.cwd(), undefined);
  if (path === undefined) throw new Error('the working directory was removed; nothing was started');
  return path;
}

async function runProgram(
  job: Job,
  [program, argv]: Command,
  env: NodeJS.ProcessEnv,
  signals: SignalRelay,
): Promise<End> {
  const start = (): ChildProcess => spawn(program, argv, { stdio: 'inherit', env });
  const locked = lockedDescriptor(job.path);
  // With the descriptor, whose lock keeps the job alive when this wrapper dies and the program does not.
  try {
    // Node tells of some failures by an event, and throws the others.
    const child = locked === undefined ? start() : withInherited(locked, start);
    signals.relay(signal => {
      // Not by `child.kill`, whose refusal (EPERM: the program is another user's) is an event like that of a failed start.
      if (!unlessRefused(() => process.kill(child.pid!, signal), false))
        say(`exec: cannot pass ${signal} on to ${program}`);
    });
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return signal === null ? { status: code ?? 0 } : { signal };
  } catch (error) {
    say(`exec: cannot start ${program}: ${programReason(error)}`);
    return { status: systemErrorCode(error) === 'ENOENT' ? EXIT_NOT_FOUND : EXIT_NOT_STARTED };
  }
}

/** The descriptor of this process that is open on the job's locked state file; undefined when its file was removed. */
function lockedDescriptor(path: string): number | undefined {
  return readdirSync(DESCRIPTORS)
    .map(Number)
    .find(fd => unlessRefused(() => namesLockedFile(fd, path), false));
}

/**
 * From now on this process reaps what its descendants leave behind, as pid 1 has to. It leaves alone what Node waits for:
 * all that `child_process` starts from now on, by whichever part of the program.
 */
function reapOrphans(): void {
  const own = new Set<ChildProcess>();
  const reap = (): void => void reapAdopted(pid => [...own].some(child => child.pid === pid));
  subscribe('child_process', message => {
    const child = (message as { process: ChildProcess }).process;
    own.add(child);
    child.once('exit', () => {
      own.delete(child);
      // Others may have stood behind it.
      reap();
    });
  });
  becomeSubreaper();
  process.on('SIGCHLD', reap);
}
