/** Where the command line says things. All of it can be printed safely. */
import { printable } from '../../printable.ts';
import { reportError } from '../../report/reported-error.ts';
import { EXIT_NOT_SWEPT } from '../exit.ts';

/** One line on standard error. */
export function say(message: string): void {
  process.stderr.write(`deferred-sweep: ${printable(message)}\n`);
}

/** A message that already begins with the name of the program, as warnings of the library do. */
export function warn(message: string): void {
  process.stderr.write(`${printable(message)}\n`);
}

export function print(text: string): void {
  process.stdout.write(text);
}

/** Says why a directory cannot be read. Returns the exit status. */
export function cannotRead(base: string, error: unknown): number {
  say(`cannot read ${base}: ${reportError(error).message}`);
  return EXIT_NOT_SWEPT;
}
