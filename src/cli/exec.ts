/** The verb `exec`: a job around a program, in any language. */
import { defaultBase } from '../state/default-base.ts';
import type { Arguments } from './arguments.ts';
import { commandOf } from './exec/command-of.ts';

/** Returns the exit status, or ends this process as the program ended. @throws UsageError */
export async function runExec(line: Arguments): Promise<number> {
  const [program, argv] = commandOf('exec', 'program', line);
  const job = {
    base: line.text('base') ?? defaultBase(),
    defer: line.texts('defer'),
    isScratch: line.has('scratch'),
    label: line.text('label'),
    isKillTree: line.has('kill-tree'),
    program,
    argv,
  };
  return await (await import('./exec/run-exec.ts')).runLine(job, process.env);
}
