import { once } from 'node:events';
import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { DeferredSweepError, systemErrorCode, unlessRefused } from '../errors.ts';
import { requireKnown } from '../known-options.ts';
import type { Place } from '../log/records.ts';
import { signalGroup } from '../native/process-signal.ts';
import { shown } from '../printable.ts';
import { placeOf, stateOf } from '../state/place.ts';
import { systemReason } from '../state/system-reason.ts';
import { currentDirectory } from './current-directory.ts';
import { currentInvocation, currentKillSignal, INSIDE } from './current-invocation.ts';
import type { CommandDescriptor } from './descriptor.ts';
import { isVariableName } from './environment.ts';

/** Where and with what environment a command runs. */
export interface CommandOptions {
  /**
   * A directory that exists now; relative to the working directory. The command runs in no other of that name.
   * @defaultValue the working directory at registration
   */
  cwd?: string;
  /** Additions to the environment of the process that runs the command. */
  env?: Record<string, string>;
}

/**
 * @throws TypeError when something is not a string or holds a NUL character, which no program can be given (execve(2))
 * @throws `DEFERRED_FUNCTION_MISSING` when there is no such program
 * @throws `DEFERRED_FUNCTION_REFUSED` when there is no such directory
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
  requireKnown(options, ['cwd', 'env']);
  const { cwd, env } = options;
  if (cwd !== undefined) requireText('options.cwd', cwd);
  if (env !== undefined && (typeof env !== 'object' || env === null || Array.isArray(env)))
    throw new TypeError(`options.env of a command must be an object, got ${shown(env)}`);
  for (const [name, value] of Object.entries(env ?? {})) {
    requireText('name in options.env', name);
    if (!isVariableName(name))
      throw new TypeError(
        `options.env of a command must have names of variables, got ${JSON.stringify(name)}`,
      );
    requireText(`options.env.${name}`, value);
  }
  return {
    kind: 'command',
    // Found now: a batch system's hook has another PATH, or none.
    file: requireProgram(file, env?.PATH ?? process.env.PATH),
    argv: [...argv],
    ...(cwd === undefined ? {} : { cwd: commandDirectory(cwd) }),
    ...(env === undefined ? {} : { env: { ...env } }),
  };
}

function requireProgram(file: string, path: string | undefined): string {
  const found = findProgram(file, path);
  if (found !== undefined) return found;
  const where = file.includes('/') ? '' : ` in ${path ?? USUAL_PATH}`;
  throw new DeferredSweepError(
    'DEFERRED_FUNCTION_MISSING',
    `cannot defer the command ${JSON.stringify(file)}: there is no such program${where} that this user may run; install it, or give its path`,
  );
}

/** As a place: later another user may make a directory of that name. */
function commandDirectory(cwd: string): Place {
  try {
    return placeOf(resolve(cwd));
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    throw new DeferredSweepError(
      'DEFERRED_FUNCTION_REFUSED',
      `cannot defer a command in ${JSON.stringify(cwd)}: ${systemReason(error)}; give the absolute path of a directory that exists now`,
      { cause: error },
    );
  }
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
 * @throws `DEFERRED_COMMAND_FAILED` for any other end, and where its directory is not that of registration
 */
export async function runCommand(command: CommandDescriptor): Promise<void> {
  const { spawn } = await import('node:child_process');
  const signal = currentInvocation()?.signal;
  const killSignal = currentKillSignal();
  if (signal?.aborted) throw commandFailed(command, 'was not started, its time is over', signal.reason);
  requireSamePlace(command);
  const child = spawn(command.file, command.argv, {
    cwd: command.cwd?.path,
    // What it starts begins no sweep.
    env: { ...process.env, [INSIDE]: '1', ...command.env },
    detached: true,
    stdio: ['ignore', 2, 2],
  });
  const send = (signal: NodeJS.Signals) => child.pid !== undefined && signalGroup(child.pid, signal);
  const terminate = () => send('SIGTERM');
  const kill = () => send('SIGKILL');
  signal?.addEventListener('abort', terminate);
  killSignal?.addEventListener('abort', kill);
  const [code, killedBy] = await once(child, 'exit')
    .catch(error => {
      const where = command.cwd?.path ?? currentDirectory();
      throw commandFailed(command, `could not be started in ${where}`, error);
    })
    .finally(() => {
      signal?.removeEventListener('abort', terminate);
      killSignal?.removeEventListener('abort', kill);
    });
  if (signal?.aborted) {
    // The leader is gone; members of its group that ignored SIGTERM must not outlive the time limit.
    kill();
    throw commandFailed(command, 'was ended, its time is over', signal.reason);
  }
  if (code !== 0)
    throw commandFailed(command, killedBy === null ? `exited with code ${code}` : `was ended by ${killedBy}`);
}

/** A command without a directory of its own runs in that of its function, which its runner has checked. */
function requireSamePlace(command: CommandDescriptor): void {
  if (command.cwd === undefined) return;
  const state = stateOf(command.cwd);
  if (state === 'same') return;
  const why = state === 'gone' ? 'cannot be reached' : 'is another one than at registration';
  throw commandFailed(
    command,
    `was not started, its directory ${command.cwd.path} ${why}; put the directory back, or do by hand what it was to do`,
  );
}

function commandFailed(command: CommandDescriptor, why: string, cause?: unknown): DeferredSweepError {
  return new DeferredSweepError(
    'DEFERRED_COMMAND_FAILED',
    `cannot run the deferred command ${JSON.stringify(command.file)}: it ${why}`,
    { cause },
  );
}

/** What execvp(3) searches where there is no PATH. */
const USUAL_PATH = '/bin:/usr/bin';

/** The absolute path of a program, found as execvp(3) would: a name in `path`, a path from the working directory. */
export function findProgram(file: string, path: string | undefined): string | undefined {
  // An empty part means the working directory.
  const directories = file.includes('/') ? [''] : (path ?? USUAL_PATH).split(':');
  for (const directory of directories) {
    const found = unlessRefused(() => resolve(directory, file), undefined);
    if (found !== undefined && isAbsolute(found) && isExecutable(found)) return found;
  }
  return undefined;
}

export function isExecutable(path: string): boolean {
  return unlessRefused(() => {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  }, false);
}
