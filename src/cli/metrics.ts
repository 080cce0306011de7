/** Metrics of one run, or of a watch, as Prometheus reads them from a file: `docs/monitoring.md`. */
import { randomBytes } from 'node:crypto';
import { lstatSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemErrorCode, unlessRefused } from '../errors.ts';
import { list } from '../operate/list.ts';
import type { FileState, ListedFile, ListReport } from '../operate/listed-file.ts';
import { type FileOutcome, type FunctionOutcome, hasProblems, type SweepReport } from '../report/report.ts';
import { StateDirectory } from '../state/state-directory.ts';
import { systemReason } from '../state/system-reason.ts';
import type { SweepOptions } from '../sweep/options.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_NOT_SWEPT } from './exit.ts';
import { isOrphan } from './output/format.ts';
import { say } from './output/output.ts';

const LAST_SUCCESS = 'last_success_timestamp_seconds';
/** A collector runs as another user. */
const MODE = 0o644;
/** A watch that sweeps nothing writes so often: owners come and go meanwhile. */
const EVERY_MS = 60_000;
/** Most often: the whole directory is listed for it. */
const LEAST_PAUSE_MS = 5000;

/** What one or more sweeps of a directory did. */
export interface Figures {
  readonly directory: string;
  readonly swept: number;
  readonly functions: Readonly<Record<FunctionOutcome, number>>;
  readonly ms: number;
  /** What is there now. Where it is not given, the directory is looked at for it. */
  readonly left?: Pick<SweepReport, 'pending' | 'live' | 'held'>;
}

const NO_FUNCTIONS: Figures['functions'] = {
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
    const places: Place[] = [];
    for (const known of figures) {
      // What could not be listed has no samples of what is there.
      const found = list(dirname(known.directory), { trustedPaths, trustedGroups });
      places.push({ ...known, list: await found.catch(() => undefined) });
    }
    writeFileSync(temporary, metricsText(places, status, lastSuccess(path)), { mode: MODE, flag: 'wx' });
    renameSync(temporary, path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    unlessRefused(() => unlinkSync(temporary), undefined);
    say(`cannot write the metrics to ${path}: ${systemReason(error)}`);
    return false;
  }
}

/** Metrics of a watch: what it has done since it began, and what is there now. */
export class WatchMetrics {
  readonly #path: string;
  readonly #options: SweepOptions;
  /** By base. */
  readonly #figures = new Map<string, Figures>();
  /** The bases that could not be swept the last time. */
  readonly #bad = new Set<string>();
  #status = EXIT_DONE;
  #writing: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor(path: string, bases: readonly string[], options: SweepOptions) {
    this.#path = path;
    this.#options = options;
    for (const base of bases) {
      const directory = unlessRefused(() => new StateDirectory(base).path, base);
      this.#figures.set(base, { directory, swept: 0, functions: NO_FUNCTIONS, ms: 0 });
    }
  }

  /** Whether a base can be swept now. */
  note(base: string, isGood: boolean): void {
    if (this.#bad.has(base) !== isGood) return;
    if (isGood) this.#bad.delete(base);
    else this.#bad.add(base);
    this.#writeAfter(LEAST_PAUSE_MS);
  }

  count(base: string, report: SweepReport): void {
    const { directory, swept, functions: now, ms } = figuresOf(report);
    const before = this.#figures.get(base)!;
    const functions = { ...now };
    for (const outcome of Object.keys(now) as (keyof typeof now)[])
      functions[outcome] += before.functions[outcome];
    this.#figures.set(base, { directory, swept: before.swept + swept, functions, ms: before.ms + ms });
    this.#status = hasProblems(report) ? EXIT_FAILED : EXIT_DONE;
    this.#writeAfter(LEAST_PAUSE_MS);
  }

  async end(status: number): Promise<void> {
    this.#status = Math.max(status, this.#status);
    this.write();
    clearTimeout(this.#timer);
    await this.#writing;
  }

  /** @param pauseMs - since they were written last */
  #writeAfter(pauseMs: number): void {
    clearTimeout(this.#timer);
    const leftMs = this.#writtenAtMs + pauseMs - performance.now();
    this.#timer = setTimeout(() => this.write(), Math.max(0, leftMs));
  }

  /** Called first when it is known which bases can be watched. */
  write(): void {
    this.#writtenAtMs = performance.now();
    const good = [...this.#figures].flatMap(([base, figures]) => (this.#bad.has(base) ? [] : [figures]));
    const status = this.#bad.size > 0 ? EXIT_NOT_SWEPT : this.#status;
    this.#writing = this.#writing.then(() => writeMetrics(this.#path, good, this.#options, status));
    this.#writeAfter(EVERY_MS);
  }
}

interface Place extends Figures {
  readonly list: ListReport | undefined;
}

/** Of the run before, should this one have failed. */
function lastSuccess(path: string): number {
  const text = unlessRefused(() => readFileSync(path, 'utf8'), '');
  return Number(new RegExp(`^deferred_sweep_${LAST_SUCCESS} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
}

function metricsText(places: readonly Place[], status: number, lastSuccessSeconds: number): string {
  const now = Math.floor(Date.now() / 1000);
  const ofAll = (name: string, help: string, value: number): string =>
    metric(name, help, [{ labels: {}, value }]);
  const ofEach = (name: string, help: string, value: (place: Place) => number | undefined): string => {
    const samples = places.map(place => ({ labels: { directory: place.directory }, value: value(place) }));
    return metric(name, help, samples);
  };
  const byOutcome = places.flatMap(({ directory, functions }) =>
    Object.entries(functions).map(([outcome, value]) => ({ labels: { directory, outcome }, value })),
  );
  return [
    ofEach('files_swept', 'Orphans that the last run claimed.', ({ swept }) => swept),
    metric('functions', 'Functions that the last run ran, by outcome.', byOutcome),
    ofEach('pending_functions', 'Functions left to a later run.', place => leftIn(place).pending),
    ofEach('live_files', 'Files whose owner lives.', place => leftIn(place).live),
    ofEach(
      'held_files',
      'Files of dead owners whose lock another process keeps.',
      place => leftIn(place).held,
    ),
    ofEach(
      'dead_letters',
      'Dead letters, and copies of damaged files.',
      ({ list }) => list && filesIn(list, 'dead', 'damaged').length,
    ),
    ofEach(
      'oldest_orphan_age_seconds',
      'Age of the oldest orphan that is left; 0: there is none.',
      ({ list }) =>
        list?.files.filter(isOrphan).reduce((most, { ageMs = 0 }) => Math.max(most, ageMs / 1000), 0),
    ),
    ofEach('duration_seconds', 'How long the last run took.', ({ ms }) => ms / 1000),
    ofAll('exit_status', 'Exit status of the last run, as it is without --exit-zero.', status),
    ofAll('last_run_timestamp_seconds', 'When the last run ended.', now),
    ofAll(
      LAST_SUCCESS,
      'When the last run ended that ended well; 0: never.',
      status === EXIT_DONE ? now : lastSuccessSeconds,
    ),
  ].join('');
}

/** As the run has told, else as the list has it. Zeros for a directory that cannot be read. */
function leftIn({ left, list }: Place): Required<Figures>['left'] {
  if (left) return left;
  const files = list?.files.filter(file => isOrphan(file) || file.state === 'sweeping') ?? [];
  const states = files.flatMap(file => file.functions).map(({ state }) => state);
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
  /** Undefined: it is not told. */
  readonly value: number | undefined;
}

function metric(name: string, help: string, samples: readonly Sample[]): string {
  const full = `deferred_sweep_${name}`;
  const lines = samples.map(({ labels, value }) => {
    if (value === undefined) return '';
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
