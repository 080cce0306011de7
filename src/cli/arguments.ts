/** Reading the command line by the tables of options and verbs. Pure. */
import { didYouMean } from '../nearest.ts';
import type { SweepOptions } from '../sweep/options.ts';
import { UsageError } from './exit.ts';
import { OPTION_NAMES, OPTIONS, type OptionName } from './options.ts';
import { parseAge, parseCount, parseId, parseTime } from './values.ts';

/** The options and operands of one command line. */
export class Arguments {
  readonly operands: readonly string[];
  /** Those behind `--`. */
  readonly command: readonly string[];
  readonly #given: ReadonlyMap<OptionName, readonly string[]>;

  constructor(
    operands: readonly string[],
    command: readonly string[],
    given: ReadonlyMap<OptionName, readonly string[]>,
  ) {
    this.operands = operands;
    this.command = command;
    this.#given = given;
  }

  get names(): readonly OptionName[] {
    return [...this.#given.keys()];
  }

  /** The same options with other operands. */
  withOperands(operands: readonly string[]): Arguments {
    return new Arguments(operands, this.command, this.#given);
  }

  has(name: OptionName): boolean {
    return this.#given.has(name);
  }

  /** The last value, or undefined. @throws UsageError if it is empty */
  text(name: OptionName): string | undefined {
    return this.texts(name).at(-1);
  }

  /** @throws UsageError if one is empty */
  texts(name: OptionName): readonly string[] {
    const texts = this.#given.get(name) ?? [];
    if (OPTIONS[name].value !== undefined && texts.includes(''))
      throw new UsageError(`--${name} must not be empty`);
    return texts;
  }

  /** Milliseconds that a timer can wait. @throws UsageError */
  time(name: OptionName): number | undefined {
    return this.#map(name, text => parseTime(`--${name}`, text));
  }

  /** Milliseconds, of days too. @throws UsageError */
  age(name: OptionName): number | undefined {
    return this.#map(name, text => parseAge(`--${name}`, text));
  }

  /** @throws UsageError */
  users(name: OptionName): readonly number[] {
    return this.texts(name).map(text => parseId(`--${name}`, text, 'user'));
  }

  /** Whose files are read besides this user's. @throws UsageError */
  get trust(): { readonly trustedPaths: readonly string[]; readonly trustedGroups: readonly number[] } {
    const groups = this.texts('trust-group').map(text => parseId('--trust-group', text, 'group'));
    return { trustedPaths: this.texts('trust'), trustedGroups: groups };
  }

  /** What sweeps and watches take alike. @throws UsageError */
  get sweepOptions(): SweepOptions {
    return {
      timeoutMs: this.time('timeout'),
      maxTimeoutMs: this.time('max-timeout'),
      killGraceMs: this.time('grace'),
      concurrency: this.#map('concurrency', text => parseCount('--concurrency', text)),
      onlyLabel: this.text('label'),
      ...this.trust,
      // The reports say it all.
      logger: null,
    };
  }

  /** What sweeps take that end. @throws UsageError */
  get onceOptions(): SweepOptions {
    if (this.has('totals') && !this.has('json')) throw new UsageError('--totals needs --json');
    return { ...this.sweepOptions, deadlineMs: this.time('deadline'), waitMs: this.time('wait') };
  }

  #map<T>(name: OptionName, parse: (text: string) => T): T | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : parse(text);
  }
}

/**
 * Reads words in any order; `--` ends the options.
 * @throws UsageError for an option that is unknown, lacks its value, or has one that it does not take
 */
export function parseArguments(argv: readonly string[]): Arguments {
  const operands: string[] = [];
  let command: string[] = [];
  const given = new Map<OptionName, string[]>();
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    if (word === '--') {
      command = argv.slice(at + 1);
      operands.push(...command);
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      operands.push(word);
      continue;
    }
    const { name, value } = readOption(word);
    const isWithValue = OPTIONS[name].value !== undefined;
    if (!isWithValue && value !== undefined) throw new UsageError(`--${name} takes no value, got ${value}`);
    const texts = given.get(name) ?? [];
    texts.push(value ?? (isWithValue ? valueBehind(name, argv[++at]) : ''));
    if (texts.length > 1 && isWithValue && !OPTIONS[name].isMany)
      throw new UsageError(`--${name} may be given once`);
    given.set(name, texts);
  }
  return new Arguments(operands, command, given);
}

/** Whether `--exit-zero` is given. False for wrong usage, of which the verb tells. */
export function asksForZero(argv: readonly string[]): boolean {
  try {
    return parseArguments(argv).has('exit-zero');
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}

/** The word behind an option. Another option is no value: a shell's variable before it may have been empty. */
function valueBehind(name: OptionName, next: string | undefined): string {
  if (next !== undefined && !next.startsWith('--')) return next;
  const advice = next === undefined || next === '--' ? '' : `; if it is ${next}, write --${name}=${next}`;
  throw new UsageError(`--${name} needs a value: --${name} ${OPTIONS[name].value}${advice}`);
}

function readOption(word: string): { name: OptionName; value: string | undefined } {
  if (!word.startsWith('--')) {
    const name = OPTION_NAMES.find(known => OPTIONS[known].short === word.slice(1));
    if (name === undefined) throw new UsageError(`there is no option ${word}`);
    return { name, value: undefined };
  }
  const end = word.indexOf('=');
  const text = word.slice(2, end === -1 ? undefined : end);
  const value = end === -1 ? undefined : word.slice(end + 1);
  if ((OPTION_NAMES as readonly string[]).includes(text)) return { name: text as OptionName, value };
  if (text === 'isolation')
    throw new UsageError('--isolation is gone: orphans always run in a process of their own');
  throw new UsageError(
    `there is no option --${text}${didYouMean(text, OPTION_NAMES, meant => `--${meant}`)}`,
  );
}
