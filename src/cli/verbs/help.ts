/** The verbs `help` and `man`: made from the tables of verbs and options. */
import { readFileSync } from 'node:fs';
import { didYouMean } from '../../nearest.ts';
import type { Arguments, VerbRow } from '../arguments.ts';
import { CLUSTER_VERBS } from '../cluster/table.ts';
import { EXIT_DONE, UsageError } from '../exit.ts';
import { OPTION_NAMES, OPTIONS, type OptionName } from '../options.ts';
import { print } from '../output/output.ts';
import { VERB_NAMES, VERBS, verbNamed } from '../table.ts';

const PROGRAM = 'deferred-sweep';

const DESCRIPTION =
  'Runs the deferred functions that dead processes left in BASE/deferred. Files of live processes are not touched.';

/** By their numbers. */
const EXIT_STATUSES = [
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

export async function runHelp({ operands }: Arguments): Promise<number> {
  const [name, ...more] = operands;
  const verb = verbNamed(name);
  if (name !== undefined && verb === undefined)
    throw new UsageError(`there is no verb ${name}${didYouMean(name, VERB_NAMES)}`);
  // It has verbs of its own.
  if (verb?.loadRaw) return (await verb.loadRaw())([...more, '--help']);
  if (more.length > 0) throw new UsageError(`help takes one VERB, got ${operands.join(' ')}`);
  print(verb ? verbHelp(verb) : generalHelp());
  return EXIT_DONE;
}

export async function runMan({ operands }: Arguments): Promise<number> {
  if (operands.length > 0) throw new UsageError(`man takes nothing, got ${operands.join(' ')}`);
  print(manualPage());
  return EXIT_DONE;
}

export function version(): string {
  // From dist/chunks/, where this is.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

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

function usageOf(verb: VerbRow): string {
  const operands = verb.operands === '' ? '' : ` ${verb.operands}`;
  return `${PROGRAM} ${verb.name}${verb.options.length > 0 ? ' [OPTION...]' : ''}${operands}`;
}

function optionUsage(name: OptionName): string {
  const { short, value } = OPTIONS[name];
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

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

/** In the language of man(7). */
function manualPage(): string {
  const verbs = [...VERBS, ...CLUSTER_VERBS]
    .map(
      verb =>
        `.TP\n.B ${roff(usageOf(verb))}\n${roff(sentence(verb.text))}\nExample:\n.B ${roff(`deferred-sweep ${verb.example}`)}\n`,
    )
    .join('');
  const options = OPTION_NAMES.map(
    name => `.TP\n.B ${roff(optionUsage(name))}\n${roff(meaningsOf(name))}\n`,
  ).join('');
  const statuses = EXIT_STATUSES.map((text, status) => `.TP\n${status}\n${roff(sentence(text))}\n`).join('');
  return `.TH DEFERRED-SWEEP 1 "" "deferred-sweep ${version()}"
.SH NAME
deferred-sweep \\- run the cleanups that dead processes left
.SH SYNOPSIS
.B deferred-sweep
[VERB] [OPTION...] [OPERAND...]
.SH DESCRIPTION
${DESCRIPTION}
.SH VERBS
${verbs}.SH OPTIONS
${options}.SH ENVIRONMENT
.TP
.B DEFERRED_SWEEP_DIR
BASE where none is named; without it /var/tmp/deferred-sweep-UID.
.TP
.B DEFERRED_SWEEP_POSTGRES
URL of the server, for the verbs of cluster; without it PGHOST, PGUSER, ...
.SH EXIT STATUS
${statuses}`;
}

/** What an option means with most verbs, and with some. */
function meaningsOf(name: OptionName): string {
  const others = VERBS.flatMap(({ name: verb, optionTexts = {} }) =>
    optionTexts[name] === undefined ? [] : [`With ${verb}: ${optionTexts[name]}.`],
  );
  return [sentence(OPTIONS[name].text), ...others].join(' ');
}

function roff(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-');
}
