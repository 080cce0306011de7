import { isAbsolute, resolve } from 'node:path';
import { DeferredSweepError, unlessRefused } from '../errors.ts';
import { signalGroup } from '../native/process-signal.ts';
import { currentDirectory } from './current-directory.ts';
import { currentInvocation, currentKillSignal, INSIDE } from './current-invocation.ts';
import type { CommandDescriptor } from './descriptor.ts';
import { requireProgram } from './find-program.ts';

/** Where and with what environment a command runs. */
export interface CommandOptions {
  /** Relative to the working directory at registration. @defaultValue that */
  cwd?: string;
  /** Additions to the environment of the process that runs the command. */
  env?: Record<string, string>;
}

/**
 * The descriptor of a command, checked.
 *
 * @throws TypeError when something is not a string or holds a NUL character, which no program can be given (execve(2)).
 * @throws `DEFERRED_FUNCTION_MISSING` when there is no such program
 */
export function storeCommand(
  file: string,
  argv: readonly string[] = [],
  options: CommandOptions = {},
): CommandDescriptor {
  requireText('file', file);
  if (file === '')
    throw new TypeError('file of a command must be a program name or path, got an empty string');
  if (!Array.isArray(argv))
    throw new TypeError(`argv of a command must be an array of strings, got ${typeof argv}`);
  for (const [index, value] of argv.entries()) requireText(`argv[${index}]`, value);
  requireRecord('options', options);
  if (options.cwd !== undefined) requireText('options.cwd', options.cwd);
  if (options.env !== undefined) requireRecord('options.env', options.env);
  for (const [name, value] of Object.entries(options.env ?? {})) {
    requireText('name in options.env', name);
    requireText(`options.env.${name}`, value);
  }
  return {
    kind: 'command',
    // Found now: a batch system's hook has another PATH, or none.
    file: requireProgram(file, options.env?.PATH ?? process.env.PATH),
    argv: [...argv],
    ...commandDirectory(options.cwd),
    ...(options.env === undefined ? {} : { env: { ...options.env } }),
  };
}

/** Absolute: this process may change its directory. Absent where it has none: then it runs where its function does. */
function commandDirectory(cwd: string | undefined): { readonly cwd?: string } {
  if (cwd !== undefined && isAbsolute(cwd)) return { cwd };
  const current = unlessRefused(() => process.cwd(), undefined);
  if (current !== undefined) return { cwd: resolve(current, cwd ?? '') };
  if (cwd === undefined) return {};
  throw new DeferredSweepError(
    'DEFERRED_FUNCTION_REFUSED',
    `cannot defer a command in ${JSON.stringify(cwd)}: this process has no working directory any more; give an absolute path`,
  );
}

function requireRecord(what: string, value: unknown): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw new TypeError(`${what} of a command must be an object, got ${JSON.stringify(value)}`);
}

function requireText(what: string, value: unknown): void {
  if (typeof value !== 'string')
    throw new TypeError(`${what} of a command must be a string, got ${typeof value}`);
  if (value.includes('\0')) throw new TypeError(`${what} of a command must not contain a NUL character`);
}

/**
 * Resolves when the command has exited with 0. It runs without a shell, in a process group of its own, reads nothing,
 * and writes to this process's standard error. When the current invocation's signal is aborted the group gets
 * SIGTERM, and SIGKILL as soon as its leader has exited or the grace is over: it must not go on beside its next attempt.
 *
 * @throws `DEFERRED_COMMAND_FAILED` when it cannot be started, exits with another code, or is ended by a signal.
 */
export async function runCommand(command: CommandDescriptor): Promise<void> {
  const { spawn } = await import('node:child_process');
  const signal = currentInvocation()?.signal;
  const killSignal = currentKillSignal();
  if (signal?.aborted) throw commandFailed(command, 'was not started, its time is over', signal.reason);
  await new Promise<void>((fulfill, reject) => {
    const child = spawn(command.file, command.argv, {
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
      // What it starts begins no sweep.
      env: { ...process.env, [INSIDE]: '1', ...command.env },
      detached: true,
      stdio: ['ignore', 2, 2],
    });
    const send = (signal: NodeJS.Signals) => child.pid !== undefined && signalGroup(child.pid, signal);
    const terminate = () => send('SIGTERM');
    const kill = () => send('SIGKILL');
    signal?.addEventListener('abort', terminate, { once: true });
    killSignal?.addEventListener('abort', kill, { once: true });
    const settle = () => {
      signal?.removeEventListener('abort', terminate);
      killSignal?.removeEventListener('abort', kill);
    };
    child.once('error', error => {
      settle();
      reject(commandFailed(command, `could not be started in ${command.cwd ?? currentDirectory()}`, error));
    });
    child.once('exit', (code, killedBy) => {
      settle();
      if (signal?.aborted) {
        // The leader is gone; members of its group that ignored SIGTERM must not outlive the time limit.
        kill();
        reject(commandFailed(command, 'was ended, its time is over', signal.reason));
      } else if (code === 0) fulfill();
      else
        reject(
          commandFailed(command, killedBy === null ? `exited with code ${code}` : `was ended by ${killedBy}`),
        );
    });
  });
}

function commandFailed(command: CommandDescriptor, why: string, cause?: unknown): DeferredSweepError {
  return new DeferredSweepError(
    'DEFERRED_COMMAND_FAILED',
    `cannot run the deferred command ${JSON.stringify(command.file)}: it ${why}`,
    cause === undefined ? {} : { cause },
  );
}
