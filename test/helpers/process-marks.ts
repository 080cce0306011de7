/** Finding the processes of one test by a variable of its own in their environment, independently of what is tested. */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { isAlive, nameProcess, type ProcessName } from './process-life.ts';

export const MARK_VARIABLE = 'TEST_MARK';

/** A mark; what still has it at the end of the test is killed. */
export function createMark(t: TestContext): string {
  const mark = randomUUID();
  t.after(() => {
    for (const { pid } of markedProcesses(mark)) process.kill(pid, 'SIGKILL');
  });
  return mark;
}

/** The living processes that were started with the mark in their environment. */
export function markedProcesses(mark: string): readonly ProcessName[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && environment(name).includes(`${MARK_VARIABLE}=${mark}`))
    .map(name => nameProcess(Number(name)))
    .filter(isAlive);
}

function environment(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    // Ended.
    return [];
  }
}
