import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Call } from '../fixtures/lock-calls.ts';
import { startChild } from './child.ts';
import { freshDirectory } from './fresh-directory.ts';
import { strace } from './strace.ts';

/**
 * A process in which functions of `src/lock` can be called while strace tampers with its system calls on `path`:
 * resolves to what the function returns, or to the parts of the error it throws.
 *
 * @param inject - see strace(1)
 * @param path - by default a new file; the calls on it are counted
 */
export function callerUnder(
  t: TestContext,
  inject: string,
  path?: string,
): { path: string; call: CallRemotely } {
  const directory = freshDirectory(t);
  const tampered = path ?? join(directory, 'file');
  if (path === undefined) writeFileSync(tampered, '');
  const under = strace({ path: tampered, inject, log: join(directory, 'trace') });
  const child = startChild(t, 'lock-calls', { under });
  return { path: tampered, call: (...call) => child.ask(call) };
}

export type CallRemotely = <Answer>(...call: Call) => Promise<Answer>;
