import type { Arguments } from './arguments.ts';
import type { OptionName } from './options.ts';

/** Runs a verb; returns the exit status. @throws UsageError */
export type RunVerb = (line: Arguments) => Promise<number>;

export interface VerbRow {
  readonly name: string;
  /** Its operands, as the usage line has them. */
  readonly operands: string;
  /** What it does, in one line. */
  readonly text: string;
  readonly options: readonly OptionName[];
  /** Of options that mean something else here. */
  readonly optionTexts?: Readonly<Partial<Record<OptionName, string>>>;
  /** A line that can be typed, without the program's name. */
  readonly example: string;
  /** What its help ends with, in place of the usual. */
  readonly notes?: string;
  readonly load?: () => Promise<RunVerb>;
  /** In place of `load`: it reads its options itself. */
  readonly loadRaw?: () => Promise<(argv: readonly string[]) => Promise<number>>;
}
