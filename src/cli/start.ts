#!/usr/bin/env node
/**
 * The program. It answers a sweep that finds nothing: hooks of batch systems start one for each job. The build makes it one
 * CommonJS file, since Node takes longer to load ES modules and streams than for all that is done here.
 * Where there is more to do or to say, it has done nothing, and the command does everything.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { isSystemError, systemErrorCode } from '../errors.ts';
import { oldNode } from '../old-node.ts';
import { printableLines } from '../printable.ts';
import { summarize, totalsOf } from '../report/report.ts';
import { StateDirectory } from '../state/state-directory.ts';
import { systemReason, withPath } from '../state/system-reason.ts';
import { resolveSweepOptions } from '../sweep/options.ts';
import { keepThreadsAwake } from '../thread-pool.ts';
import { asksForZero, parseArguments } from './arguments.ts';
import { basesOf } from './bases.ts';
import { EXIT_DONE, EXIT_NO_JOB, EXIT_NOT_SWEPT, EXIT_UNSETTLED } from './exit.ts';
import { summaryLine } from './output/format.ts';
import { jsonLine } from './output/output.ts';
import { ANSWERED, findVerb, requireTaken } from './table.ts';

/** A pipe takes so many bytes whole or not at all: PIPE_BUF of POSIX. */
const MOST_BYTES = 512;
/** Of a state file, its directory, and a module with what Node reads beside it. With fewer, Node says that modules are not there. */
const LEAST_DESCRIPTORS = 4;

if (!isAnswered(process.argv.slice(2))) {
  process.exitCode = EXIT_UNSETTLED;
  run().catch(tellRefused);
}

async function run(): Promise<void> {
  requireDescriptors();
  keepThreadsAwake();
  await import('./main.ts');
}

/** @throws Error of Node's shape (EMFILE, ENFILE) */
function requireDescriptors(): void {
  const opened: number[] = [];
  try {
    while (opened.length < LEAST_DESCRIPTORS) opened.push(openSync(process.argv[1]!, 'r'));
  } catch (error) {
    if (isSystemError(error, 'EMFILE', 'ENFILE')) throw error;
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

/** The system refused what no verb tells of: its modules need descriptors, too. */
function tellRefused(error: unknown): void {
  if (systemErrorCode(error) === undefined) throw error;
  const argv = process.argv.slice(2);
  const why = withPath(error, systemReason(error));
  writeSync(2, printableLines([`deferred-sweep: cannot go on: ${why}`]));
  const status = argv[0] === 'exec' ? EXIT_NO_JOB : EXIT_NOT_SWEPT;
  process.exitCode = asksForZero(argv) ? EXIT_DONE : status;
}

function isAnswered(argv: readonly string[]): boolean {
  // What was loaded before may listen to the sweep.
  if (oldNode() || process.execArgv.length > 0 || process.env.NODE_OPTIONS) return false;
  try {
    return answer(argv);
  } catch {
    // The command meets the same error, and tells of it.
    return false;
  }
}

function answer(argv: readonly string[]): boolean {
  const { line, verb } = findVerb(parseArguments(argv));
  if (verb.name !== 'sweep' || line.names.some(name => !ANSWERED.includes(name))) return false;
  requireTaken(verb, line);
  const { trust } = resolveSweepOptions(line.onceOptions);
  let errors = '';
  let output = '';
  let isAll = true;
  const tell = (message: string): void => {
    errors += printableLines([`deferred-sweep: ${message}`]);
  };
  for (const base of basesOf(line, undefined, tell)) {
    const startNs = process.hrtime.bigint();
    const directory = new StateDirectory(base, { trust, warn: () => (isAll = false) });
    const { stateFiles, movedDeadLetters } = directory.look();
    if (!isAll || stateFiles.length + movedDeadLetters.length > 0) return false;
    const report = summarize(directory.path, [], true, Number(process.hrtime.bigint() - startNs) / 1e6);
    if (line.has('quiet')) continue;
    if (!line.has('json')) output += printableLines([summaryLine(report)]);
    else output += jsonLine(line.has('totals') ? totalsOf(report) : report);
  }
  // Of two writes the second may fail, and the command would tell of the first again.
  if (errors !== '' && output !== '') return false;
  const bytes = Buffer.from(errors + output);
  if (bytes.length > MOST_BYTES) return false;
  if (bytes.length > 0) writeSync(errors === '' ? 1 : 2, bytes);
  return true;
}
