/** The verb `exec`: a job around a program, in any language. */
import { EXEC_USAGE, parseExecLine } from './exec/arguments.ts';

/** Returns the exit status, or ends this process as the program ended. @throws UsageError */
export async function runExec(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const line = parseExecLine(argv, env);
  if (line !== undefined) return await (await import('./exec/run-exec.ts')).runLine(line, env);
  process.stdout.write(EXEC_USAGE);
  return 0;
}
