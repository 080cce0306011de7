/** Help, made from the tables of verbs and options. Pure. */
import { OPTIONS, type OptionName } from './options.ts';
import { VERBS, type VerbRow } from './table.ts';

const PROGRAM = 'deferred-sweep';

const EXIT_STATUS = `Exit status: 0 all done or nothing to do; 1 a function failed, a file was set
aside, or what was asked for is not there; 2 wrong usage; 3 a directory could
not be swept or read.
`;

const PLACE = `BASE defaults to the environment variable DEFERRED_SWEEP_DIR, and that to
/var/tmp/deferred-sweep-UID.
`;

/** What `--help` prints. */
export function generalHelp(): string {
  const verbs = VERBS.map(verb => row(verb.name, verb.text, 12)).join('');
  const examples = VERBS.map(verb => `  ${PROGRAM} ${verb.example}\n`).join('');
  return `Usage: ${PROGRAM} [sweep] [BASE...]
       ${PROGRAM} VERB [OPTION...] [OPERAND...]

Runs the deferred functions that dead processes left in BASE/deferred.
Files of live processes are not touched.

${verbs}
${PLACE}
Examples:
${examples}
${row('-h, --help', 'print this text, or with a verb what it takes', 18)}${row('-v, --version', OPTIONS.version.text, 18)}
${EXIT_STATUS}`;
}

/** What `VERB --help` prints. */
export function verbHelp(verb: VerbRow): string {
  const options = verb.options.map(name => row(optionUsage(name), OPTIONS[name].text, 22)).join('');
  return `Usage: ${usageOf(verb)}

${row('', sentence(verb.text), 0).trimStart().replaceAll('\n  ', '\n')}
${options === '' ? '' : `Options:\n${options}\n`}Example:
  ${PROGRAM} ${verb.example}

${PLACE}
${EXIT_STATUS}`;
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

const WIDTH = 80;

/** A term and its text, folded at 80 columns. */
function row(term: string, text: string, column: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && column + 2 + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  lines.push(line);
  const indent = ' '.repeat(column + 2);
  return `  ${term.padEnd(column)}${lines.map((text, at) => (at === 0 ? text : indent + text)).join('\n')}\n`;
}
