/** Reading the command line by the tables of options and verbs. Pure. */
import { MAX_TIMER_MS } from '../log/clock.ts';
import { didYouMean } from '../nearest.ts';
import type { SweepOptions } from '../sweep/options.ts';
import { UsageError } from './exit.ts';
import { OPTION_NAMES, OPTIONS, type OptionName } from './options.ts';

export interface VerbRow {
  readonly name: string;
  /** Its operands, as the usage line has them. */
  readonly operands: string;
  readonly text: string;
  readonly options: readonly OptionName[];
  /** Of options that mean something else here. */
  readonly optionTexts?: Readonly<Partial<Record<OptionName, string>>>;
  /** A line that can be typed, without the program's name. */
  readonly example: string;
  /** What its help ends with, in place of the usual. */
  readonly notes?: string;
  /** What runs it and returns the exit status. It may throw a UsageError. */
  readonly load?: () => Promise<(line: Arguments) => Promise<number>>;
  /** In place of `load`: it reads its options itself. */
  readonly loadRaw?: () => Promise<(argv: readonly string[]) => Promise<number>>;
}

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

  /** Milliseconds that a timer can wait, of a time such as `500ms`, `30s`, `1.5m`; `0` needs no unit. @throws UsageError */
  time(name: OptionName): number | undefined {
    const isTime = (ms: number, text: string): boolean => ms <= MAX_TIMER_MS && !text.endsWith('d');
    const what = 'a time like 500ms, 30s, 5m or 1h, at most 24 days';
    return this.#numbers(name, millisecondsOf, isTime, what).at(-1);
  }

  /** Milliseconds, of days too. @throws UsageError */
  age(name: OptionName): number | undefined {
    return this.#numbers(name, millisecondsOf, Number.isSafeInteger, 'an age like 30m, 2h or 30d').at(-1);
  }

  /** Ids, by number: a name may mean another user or group in another container. @throws UsageError */
  ids(name: OptionName, whose: 'user' | 'group'): readonly number[] {
    return this.#numbers(name, Number, (_, text) => /^\d{1,10}$/.test(text), `a ${whose} id`);
  }

  /** Those of `--state`. @throws UsageError for one that is not among `known` */
  states<T extends string>(known: readonly T[]): readonly T[] | undefined {
    return this.text('state')
      ?.split(',')
      .map(word => known.find(one => one === word) ?? refuse('state', `some of ${known.join(', ')}`, word));
  }

  /** Whose files are read besides this user's. @throws UsageError */
  get trust(): { readonly trustedPaths: readonly string[]; readonly trustedGroups: readonly number[] } {
    return { trustedPaths: this.texts('trust'), trustedGroups: this.ids('trust-group', 'group') };
  }

  /** What sweeps and watches take alike. @throws UsageError */
  get sweepOptions(): SweepOptions {
    const isCount = (_: number, text: string): boolean => /^[1-9]\d{0,5}$/.test(text);
    return {
      timeoutMs: this.time('timeout'),
      maxTimeoutMs: this.time('max-timeout'),
      killGraceMs: this.time('grace'),
      concurrency: this.#numbers('concurrency', Number, isCount, 'a whole number of at least 1').at(-1),
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

  #numbers(
    name: OptionName,
    parse: (text: string) => number,
    isRight: (number: number, text: string) => boolean,
    what: string,
  ): readonly number[] {
    return this.texts(name).map(text => {
      const number = parse(text);
      return isRight(number, text) ? number : refuse(name, what, text);
    });
  }
}

function refuse(name: OptionName, what: string, got: string): never {
  throw new UsageError(`--${name} must be ${what}, got ${got}`);
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** NaN for what is no time. */
function millisecondsOf(text: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  return text === '0' ? 0 : Math.ceil(Number(amount) * UNIT_MS[unit]!);
}

/** Reads words in any order; `--` ends the options. @throws UsageError for an option that is unknown or wrongly used */
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
  const [, text = '', value] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  if ((OPTION_NAMES as readonly string[]).includes(text)) return { name: text as OptionName, value };
  if (text === 'isolation')
    throw new UsageError('--isolation is gone: orphans always run in a process of their own');
  throw new UsageError(
    `there is no option --${text}${didYouMean(text, OPTION_NAMES, meant => `--${meant}`)}`,
  );
}
