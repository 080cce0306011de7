/** Help, made from the tables of verbs and options. Pure. */
import { CLUSTER_VERBS } from './cluster/table.ts';
import { OPTION_NAMES, OPTIONS, type OptionName } from './options.ts';
import { VERBS } from './table.ts';
import type { VerbRow } from './verb-row.ts';

const PROGRAM = 'deferred-sweep';

export const DESCRIPTION =
  'Runs the deferred functions that dead processes left in BASE/deferred. Files of live processes are not touched.';

/** By their numbers. */
export const EXIT_STATUSES: readonly string[] = [
  'all done, or nothing to do',
  'a function failed, a file was set aside, or what was asked for is not there or not free',
  'wrong usage',
  'a directory could not be swept or read, or the database not be used',
];

const EXIT_STATUS = folded(
  `Exit status: ${EXIT_STATUSES.map((text, status) => `${status} ${text}`).join('; ')}.`,
);

const PLACE = `BASE defaults to the environment variable DEFERRED_SWEEP_DIR, and that to
/var/tmp/deferred-sweep-UID.
`;

/** Where the verbs of the cluster look. */
export const CONNECTION = `The connection is taken from the environment, never from the command line:
DEFERRED_SWEEP_POSTGRES (a URL), or PGHOST, PGUSER, PGPASSWORD, PGDATABASE, ...
`;

/** What `--help` prints. */
export function generalHelp(): string {
  const verbs = VERBS.map(verb => row(verb.name, verb.text, 12)).join('');
  const examples = VERBS.map(verb => `  ${PROGRAM} ${verb.example}\n`).join('');
  return `Usage: ${PROGRAM} [sweep] [BASE...]
       ${PROGRAM} VERB [OPTION...] [OPERAND...]

${folded(DESCRIPTION)}
${verbs}
${PLACE}
Examples:
${examples}
${row('-h, --help', 'print this text, or with a verb what it takes', 18)}${row('-v, --version', OPTIONS.version.text, 18)}
${EXIT_STATUS}`;
}

/** What `cluster --help` prints. */
export function clusterHelp(): string {
  const verbs = CLUSTER_VERBS.map(verb => row(verb.name, verb.text, 17)).join('');
  const options = OPTION_NAMES.filter(name => CLUSTER_VERBS.some(verb => verb.options.includes(name)));
  const examples = CLUSTER_VERBS.map(verb => `  ${PROGRAM} ${verb.example}\n`).join('');
  return `Usage: ${PROGRAM} cluster VERB [OPTION...] [ID...]

Deferred functions in a PostgreSQL database.

${verbs}
${CONNECTION}
Options, of which a verb's --help shows those that it takes:
${optionRows(options)}
${EXIT_STATUS}
Examples:
${examples}`;
}

/** What `VERB --help` prints. @param place - where it looks; nowhere, if it takes no BASE */
export function verbHelp(verb: VerbRow, place: string = isPlaced(verb) ? PLACE : ''): string {
  const options = optionRows(verb.options, verb.optionTexts);
  return `Usage: ${usageOf(verb)}

${folded(sentence(verb.text))}
${options === '' ? '' : `Options:\n${options}\n`}Example:
  ${PROGRAM} ${verb.example}

${place && `${place}\n`}${verb.notes ?? EXIT_STATUS}`;
}

function isPlaced({ operands, options }: VerbRow): boolean {
  return operands.includes('BASE') || options.includes('dir') || options.includes('base');
}

function optionRows(names: readonly OptionName[], texts: VerbRow['optionTexts'] = {}): string {
  return names.map(name => row(optionUsage(name), texts[name] ?? OPTIONS[name].text, 22)).join('');
}

export function usageOf(verb: VerbRow): string {
  const operands = verb.operands === '' ? '' : ` ${verb.operands}`;
  return `${PROGRAM} ${verb.name}${verb.options.length > 0 ? ' [OPTION...]' : ''}${operands}`;
}

export function optionUsage(name: OptionName): string {
  const { short, value } = OPTIONS[name];
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
}

export function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

/** A term and its text, folded. */
function row(term: string, text: string, column: number): string {
  return `  ${term.padEnd(column)}${folded(text, column + 2)}`;
}

/** Lines of at most 80 columns. @param column - where the first begins, and the others do */
function folded(text: string, column = 0): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && column + line.length + 1 + word.length > 80) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  lines.push(line);
  return `${lines.join(`\n${' '.repeat(column)}`)}\n`;
}
