/** Metrics of one run as Prometheus reads them from a file: `docs/monitoring.md`. */
import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { systemErrorCode, unlessRefused } from '../errors.ts';
import { list } from '../operate/list.ts';
import type { FileState, ListedFile, ListReport } from '../operate/listed-file.ts';
import type { FileOutcome, FunctionOutcome, SweepReport } from '../report/report.ts';
import type { SweepOptions } from '../sweep/options.ts';
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
    say(`cannot write the metrics to ${path}: ${String(error)}`);
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
  const perDirectory = <T extends { directory: string }>(
    of: readonly T[],
    value: (one: T) => number,
  ): Sample[] => of.map(one => ({ labels: { directory: one.directory }, value: value(one) }));
  const oldest = ({ files }: ListReport): number =>
    Math.max(0, ...files.map(({ state, ageMs = 0 }) => (state === 'orphan' ? ageMs / 1000 : 0)));
  const left = (one: Figures): Required<Figures>['left'] =>
    one.left ?? leftOf(lists.find(({ directory }) => directory === one.directory));
  return [
    metric(
      'files_swept',
      'Orphans that the last run claimed.',
      perDirectory(figures, ({ swept }) => swept),
    ),
    metric(
      'functions',
      'Functions that the last run ran, by outcome.',
      figures.flatMap(({ directory, functions }) =>
        Object.entries(functions).map(([outcome, value]) => ({ labels: { directory, outcome }, value })),
      ),
    ),
    metric(
      'pending_functions',
      'Functions left to a later run.',
      perDirectory(figures, one => left(one).pending),
    ),
    metric(
      'live_files',
      'Files whose owner lives.',
      perDirectory(figures, one => left(one).live),
    ),
    metric(
      'held_files',
      'Files of dead owners whose lock another process keeps.',
      perDirectory(figures, one => left(one).held),
    ),
    metric(
      'dead_letters',
      'Dead letters, and copies of damaged files.',
      perDirectory(
        lists,
        ({ files }) => files.filter(({ state }) => state === 'dead' || state === 'damaged').length,
      ),
    ),
    metric(
      'oldest_orphan_age_seconds',
      'Age of the oldest orphan that is left; 0: there is none.',
      perDirectory(lists, oldest),
    ),
    metric(
      'duration_seconds',
      'How long the last run took.',
      perDirectory(figures, ({ ms }) => ms / 1000),
    ),
    metric('exit_status', 'Exit status of the last run, as it is without --exit-zero.', [
      { labels: {}, value: status },
    ]),
    metric('last_run_timestamp_seconds', 'When the last run ended.', [{ labels: {}, value: now }]),
    metric('last_success_timestamp_seconds', 'When the last run ended that ended well; 0: never.', [
      { labels: {}, value: status === 0 ? now : lastSuccessSeconds },
    ]),
  ].join('');
}

/** Nothing of a directory that cannot be read. */
function leftOf(list: ListReport | undefined): Required<Figures>['left'] {
  const files = list?.files ?? [];
  const of = (...states: readonly FileState[]): readonly ListedFile[] =>
    files.filter(({ state }) => states.includes(state));
  return {
    pending: of('orphan', 'sweeping').reduce((sum, { functions }) => sum + functions.length, 0),
    live: of('live').length,
    held: of('held').length,
  };
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
