/** The verb `exec`: a job around a program, in any language. */
import type { Arguments } from './arguments.ts';
import { commandOf } from './exec/command-of.ts';
import { UsageError } from './exit.ts';

/** Returns the exit status, or ends this process as the program ended. @throws UsageError */
export async function runExec(line: Arguments): Promise<number> {
  const [program, argv] = commandOf('exec', 'program', line);
  const base = line.text('base') ?? process.env.DEFERRED_SWEEP_DIR;
  if (!base) throw new UsageError('exec: no --base BASE given, and DEFERRED_SWEEP_DIR is not set');
  const job = {
    base,
    defer: line.texts('defer'),
    isScratch: line.has('scratch'),
    label: line.text('label'),
    isKillTree: line.has('kill-tree'),
    program,
    argv,
  };
  return await (await import('./exec/run-exec.ts')).runLine(job, process.env);
}
