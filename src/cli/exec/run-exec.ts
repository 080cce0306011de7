/** What `exec` does: opens a job, runs the program, closes the job. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { temporaryDirectory } from '../../actions/temporary-directory.ts';
import { systemErrorCode, unlessRefused } from '../../errors.ts';
import { dieOf } from '../../job/die-of.ts';
import type { Job } from '../../job/job.ts';
import { DeferredFunctionManager } from '../../job/manager.ts';
import { namesLockedFile } from '../../lock/held-file.ts';
import { withInherited } from '../../native/inheritance.ts';
import { programReason } from '../../state/system-reason.ts';
import { EXIT_NO_JOB } from '../exit.ts';
import { say } from '../output/output.ts';
import { changedVariables, isCommandLineTextual } from '../textual.ts';
import { reapOrphans } from './adopted-children.ts';
import { ExecJob } from './exec-job.ts';
import { SOCKET_VARIABLE } from './job-channel.ts';
import { openJobSocket } from './job-socket.ts';
import { SignalRelay } from './signals.ts';

const EXIT_NOT_STARTED = 126;
const EXIT_NOT_FOUND = 127;

/** On Linux a link into /proc. */
const DESCRIPTORS = '/dev/fd';

export interface ExecLine {
  readonly base: string;
  readonly defer: readonly string[];
  readonly isScratch: boolean;
  readonly label: string | undefined;
  readonly isKillTree: boolean;
  readonly program: string;
  readonly argv: readonly string[];
}

/** How the program ended, or why it was not started. */
type End = { readonly signal: NodeJS.Signals } | { readonly status: number };

/**
 * Runs a program as a job, then the job's functions. Returns the exit status, or ends this process by the signal that
 * ended the program. What goes wrong with a cleanup is told on standard error and changes neither.
 */
export async function runLine(line: ExecLine, env: NodeJS.ProcessEnv): Promise<number> {
  const signals = new SignalRelay();
  reapOrphans();
  let end: End;
  try {
    requireText();
    requireDescriptors();
    const base = isAbsolute(line.base) ? line.base : join(workingDirectory(), line.base);
    // It sweeps before the program begins. Afterwards this signal is aborted no more.
    const options = { label: line.label, order: 'lifo', signal: signals.early } as const;
    const manager = new DeferredFunctionManager(base, options);
    try {
      end = await runInJob(await manager.open(), line, env, signals);
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
  line: ExecLine,
  env: NodeJS.ProcessEnv,
  signals: SignalRelay,
): Promise<End> {
  const execJob = new ExecJob(job, line.isKillTree);
  const socket = await openJobSocket(job, env, request => execJob.answer(request));
  try {
    const scratch = line.isScratch ? { TMPDIR: temporaryDirectory(job, { prefix: 'scratch-' }) } : {};
    const kept = { ...(env.PATH === undefined ? {} : { PATH: env.PATH }), ...scratch };
    for (const command of line.defer) execJob.defer('/bin/sh', ['-c', command], workingDirectory(), kept);
    const programEnv = execJob.mark({ ...env, ...scratch, [SOCKET_VARIABLE]: socket.path });
    // Told to end before there was a program.
    if (signals.first !== undefined) return { signal: signals.first };
    return await runProgram(job, line, programEnv, signals);
  } finally {
    signals.startCleanup();
    socket.stopListening();
    await execJob.endTree();
    await job.close();
    socket.hangUp();
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
  line: ExecLine,
  env: NodeJS.ProcessEnv,
  signals: SignalRelay,
): Promise<End> {
  const start = (): ChildProcess => spawn(line.program, line.argv, { stdio: 'inherit', env });
  const locked = lockedDescriptor(job.path);
  // With the descriptor, whose lock keeps the job alive when this wrapper dies and the program does not.
  try {
    // Node tells of some failures by an event, and throws the others.
    const child = locked === undefined ? start() : withInherited(locked, start);
    signals.relay(signal => {
      // Not by `child.kill`, whose refusal (EPERM: the program is another user's) is an event like that of a failed start.
      if (!unlessRefused(() => process.kill(child.pid!, signal), false))
        say(`exec: cannot pass ${signal} on to ${line.program}`);
    });
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return signal === null ? { status: code ?? 0 } : { signal };
  } catch (error) {
    say(`exec: cannot start ${line.program}: ${programReason(error)}`);
    return { status: systemErrorCode(error) === 'ENOENT' ? EXIT_NOT_FOUND : EXIT_NOT_STARTED };
  }
}

/** The descriptor of this process that is open on the job's locked state file; undefined when its file was removed. */
function lockedDescriptor(path: string): number | undefined {
  return readdirSync(DESCRIPTORS)
    .map(Number)
    .find(fd => unlessRefused(() => namesLockedFile(fd, path), false));
}
