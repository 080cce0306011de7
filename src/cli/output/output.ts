/** Where the command line says things. All of it can be printed safely. */
import { isWithoutDirectory } from '../../errors.ts';
import { printable, printableJson } from '../../printable.ts';
import type { Logger } from '../../report/logger.ts';
import { reportError } from '../../report/reported-error.ts';
import { EXIT_DONE, EXIT_NOT_SWEPT } from '../exit.ts';

export function say(message: string): void {
  process.stderr.write(`deferred-sweep: ${printable(message)}\n`);
}

/** A message that already begins with the name of the program, as warnings of the library do. */
export function warn(message: string): void {
  process.stderr.write(`${printable(message)}\n`);
}

/** Warnings of a run. With `--quiet` they are told at its end, if something went wrong. */
export class RunWarnings {
  #held: string[] | undefined;
  readonly logger: Logger = {
    info() {},
    warn: text => void (this.#held ? this.#held.push(text) : warn(text)),
  };

  constructor(isQuiet: boolean) {
    if (isQuiet) this.#held = [];
  }

  /** They are told when the signal is aborted: another one may end the process, without a word. */
  tellAt(signal: AbortSignal): void {
    signal.addEventListener('abort', () => this.end(EXIT_NOT_SWEPT));
  }

  end(status: number): void {
    if (status === EXIT_DONE) return;
    for (const text of this.#held ?? []) warn(text);
    this.#held = undefined;
  }
}

export function print(text: string): void {
  process.stdout.write(text);
}

export function jsonLine(value: unknown): string {
  return `${printableJson(value)}\n`;
}

/** The highest exit status that `act` returns. A base that fails is told of, and keeps none of the others from it. */
export async function forEachBase(
  bases: readonly string[],
  verb: string,
  isJson: boolean,
  act: (base: string) => number | Promise<number>,
): Promise<number> {
  let status = EXIT_DONE;
  for (const base of bases)
    try {
      status = Math.max(status, await act(base));
    } catch (error) {
      status = failed(error, `cannot ${verb} ${base}`, isJson ? { base } : undefined);
    }
  return status;
}

/** Says why; returns the exit status. @param what - not said where the error begins with it @param json - printed with it */
export function failed(
  error: unknown,
  what?: string,
  json?: object,
  write: (text: string) => void = print,
): number {
  const reported = reportError(error);
  if (json) write(jsonLine({ ...json, error: reported }));
  const why = isWithoutDirectory(error) ? 'the working directory was removed' : reported.message;
  say(what === undefined || why.startsWith(what) ? why : `${what}: ${why}`);
  return EXIT_NOT_SWEPT;
}
