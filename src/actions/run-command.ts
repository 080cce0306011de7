import { type CommandOptions, runCommand as runDescribed, storeCommand } from '../function/command.ts';

/**
 * Resolves when the program has exited with 0. As `DeferredFunction.command`, for functions that are deferred
 * themselves and run a program among other things: it is ended with them. The program is looked up, and a relative `cwd`
 * meant, when it is called; `DeferredFunction.command` settles both at registration.
 * @throws TypeError for anything that execve(2) cannot take
 * @throws DeferredSweepError `DEFERRED_COMMAND_FAILED`
 */
export async function runCommand(
  file: string,
  argv: readonly string[] = [],
  options: CommandOptions = {},
): Promise<void> {
  await runDescribed(storeCommand(file, argv, options));
}
