/** Metrics of one run as Prometheus reads them from a file: `docs/monitoring.md`. */
import { randomBytes } from 'node:crypto';
import { lstatSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { systemErrorCode, unlessRefused } from '../errors.ts';
import { list } from '../operate/list.ts';
import type { FileState, ListedFile, ListReport } from '../operate/listed-file.ts';
import type { FileOutcome, FunctionOutcome, SweepReport } from '../report/report.ts';
import { systemReason } from '../state/system-reason.ts';
import type { SweepOptions } from '../sweep/options.ts';
import { isOrphan } from './output/format.ts';
import { say } from './output/output.ts';

const LAST_SUCCESS = 'deferred_sweep_last_success_timestamp_seconds';
/** A collector runs as another user. */
const MODE = 0o644;

/** What one or more sweeps of a directory did. */
export interface Figures {
  readonly directory: string;
  readonly swept: number;
  readonly functions: Readonly<Record<FunctionOutcome, number>>;
  readonly ms: number;
  /** What is there now. Where it is not given, the directory is looked at for it. */
  readonly left?: Pick<SweepReport, 'pending' | 'live' | 'held'>;
}

export const NO_FUNCTIONS: Figures['functions'] = {
  ok: 0,
  failed: 0,
  'timed-out': 0,
  crashed: 0,
  skipped: 0,
};

const CLAIMED: readonly FileOutcome[] = ['ran', 'torn', 'quarantined', 'waiting'];

export function figuresOf({ directory, files, ms, pending, live, held }: SweepReport): Required<Figures> {
  const functions = { ...NO_FUNCTIONS };
  for (const ran of files.flatMap(file => file.functions)) functions[ran.outcome]++;
  const swept = files.filter(({ outcome }) => CLAIMED.includes(outcome)).length;
  return { directory, swept, functions, ms, left: { pending, live, held } };
}

/** Writes the file in one step. Returns false when it could not, and says why. */
export async function writeMetrics(
  path: string,
  bases: readonly string[],
  figures: readonly Figures[],
  { trustedPaths, trustedGroups }: SweepOptions,
  status: number,
): Promise<boolean> {
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    // A device or a link would be replaced, and reading a FIFO waits for its writer.
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) {
      say(`cannot write the metrics to ${path}: it is not a regular file`);
      return false;
    }
    const lists: ListReport[] = [];
    for (const base of bases) {
      // Of a directory that cannot be read nothing is told but that the run failed.
      const found = await list(base, { trustedPaths, trustedGroups }).catch(() => undefined);
      if (found) lists.push(found);
    }
    writeFileSync(temporary, metricsText(figures, lists, status, lastSuccess(path)), {
      mode: MODE,
      flag: 'wx',
    });
    renameSync(temporary, path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    unlessRefused(() => unlinkSync(temporary), undefined);
    say(`cannot write the metrics to ${path}: ${systemReason(error)}`);
    return false;
  }
}

/** Of the run before, should this one have failed. */
function lastSuccess(path: string): number {
  const text = unlessRefused(() => readFileSync(path, 'utf8'), '');
  return Number(new RegExp(`^${LAST_SUCCESS} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
}

function metricsText(
  figures: readonly Figures[],
  lists: readonly ListReport[],
  status: number,
  lastSuccessSeconds: number,
): string {
  const now = Math.floor(Date.now() / 1000);
  const gauge =
    <T extends { readonly directory: string }>(of: readonly T[]) =>
    (name: string, help: string, value: (one: T) => number): string => {
      const samples = of.map(one => ({ labels: { directory: one.directory }, value: value(one) }));
      return metric(name, help, samples);
    };
  const ofRun = gauge(figures);
  const ofPlace = gauge(lists);
  const left = ({ directory, left }: Figures): Required<Figures>['left'] =>
    left ?? leftOf(lists.find(list => list.directory === directory));
  const byOutcome = figures.flatMap(({ directory, functions }) =>
    Object.entries(functions).map(([outcome, value]) => ({ labels: { directory, outcome }, value })),
  );
  const ofAll = (value: number): Sample[] => [{ labels: {}, value }];
  return [
    ofRun('files_swept', 'Orphans that the last run claimed.', ({ swept }) => swept),
    metric('functions', 'Functions that the last run ran, by outcome.', byOutcome),
    ofRun('pending_functions', 'Functions left to a later run.', one => left(one).pending),
    ofRun('live_files', 'Files whose owner lives.', one => left(one).live),
    ofRun('held_files', 'Files of dead owners whose lock another process keeps.', one => left(one).held),
    ofPlace(
      'dead_letters',
      'Dead letters, and copies of damaged files.',
      list => filesIn(list, 'dead', 'damaged').length,
    ),
    ofPlace('oldest_orphan_age_seconds', 'Age of the oldest orphan that is left; 0: there is none.', list =>
      list.files.filter(isOrphan).reduce((most, { ageMs = 0 }) => Math.max(most, ageMs / 1000), 0),
    ),
    ofRun('duration_seconds', 'How long the last run took.', ({ ms }) => ms / 1000),
    metric('exit_status', 'Exit status of the last run, as it is without --exit-zero.', ofAll(status)),
    metric('last_run_timestamp_seconds', 'When the last run ended.', ofAll(now)),
    metric(
      'last_success_timestamp_seconds',
      'When the last run ended that ended well; 0: never.',
      ofAll(status === 0 ? now : lastSuccessSeconds),
    ),
  ].join('');
}

/** Zeros for a directory that cannot be read. */
function leftOf(list: ListReport | undefined): Required<Figures>['left'] {
  const left = list?.files.filter(file => isOrphan(file) || file.state === 'sweeping') ?? [];
  const states = left.flatMap(file => file.functions).map(({ state }) => state);
  return {
    pending: states.filter(state => state === 'pending' || state === 'running').length,
    live: filesIn(list, 'live').length,
    held: filesIn(list, 'held').length,
  };
}

function filesIn(list: ListReport | undefined, ...states: readonly FileState[]): readonly ListedFile[] {
  return (list?.files ?? []).filter(({ state }) => states.includes(state));
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function metric(name: string, help: string, samples: readonly Sample[]): string {
  const full = `deferred_sweep_${name}`;
  const lines = samples.map(({ labels, value }) => {
    const text = Object.entries(labels)
      .map(([label, of]) => `${label}="${escaped(of)}"`)
      .join(',');
    return `${full}${text === '' ? '' : `{${text}}`} ${value}\n`;
  });
  return `# HELP ${full} ${help}\n# TYPE ${full} gauge\n${lines.join('')}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
