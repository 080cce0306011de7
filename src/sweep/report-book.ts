/** The reports of a sweep, by file: from the sweeper's looks, and from the events of runners. */
import { lstatSync } from 'node:fs';
import { unlessRefused } from '../errors.ts';
import { inodeKey } from '../lock/held-file.ts';
import type { HeaderRecord, ReportedError } from '../log/records.ts';
import { type FileReport, type FunctionReport, LOCKED_OUTCOMES, outcomeOf } from '../report/report.ts';
import { traceInvoke } from '../report/tracing.ts';
import type { FileEnd, FileEvent } from '../runner/protocol.ts';
import type { SweepListener } from './listener.ts';

/** A file that a runner has. */
interface Running {
  readonly base: FileReport;
  readonly inode: string;
  readonly functions: Map<number, FunctionReport>;
  /** Ids of functions that runners of this sweep began. */
  readonly tried: Set<number>;
  /** Functions that began and have not been heard of since. */
  readonly begun: Map<number, Beginning>;
  end: FileEnd | undefined;
}

interface Beginning {
  readonly began: Extract<FileEvent, { kind: 'start' }>;
  /** When that was heard. */
  readonly atMs: number;
  /** Ends the trace. */
  readonly ended: (error?: ReportedError) => void;
}

export class ReportBook {
  /** By path, so that a file met in several passes is reported once. */
  readonly #reports = new Map<string, FileReport>();
  readonly #running = new Map<string, Running>();
  readonly #listener: SweepListener | undefined;
  /** True when the sweep had to stop early. */
  isCut = false;

  constructor(listener?: SweepListener) {
    this.#listener = listener;
  }

  get reports(): FileReport[] {
    return [...this.#reports.values()];
  }

  /** Notes the report of a look. Earlier outcomes of the file's functions stay. */
  note(report: FileReport): void {
    this.#listener?.settled(report.path);
    const running = this.#release(report.path, id => report.functions.find(ran => ran.id === id)?.error);
    const known = this.#reports.get(report.path);
    if (!known && !running) {
      // Most files are met once.
      this.#reports.set(report.path, report);
      return;
    }
    const before = [...(known?.functions ?? []), ...(running?.functions.values() ?? [])];
    // Another sweep has the file now. Keep the outcomes of this one.
    const isLost = known && before.length > 0 && LOCKED_OUTCOMES.includes(report.outcome);
    const functions = [...merged(before, isLost ? [] : report.functions).values()];
    this.#reports.set(report.path, { ...(isLost ? known : report), functions });
  }

  /** Notes that a file goes to a runner, perhaps after another one that died. */
  handOver(path: string, base: FileReport, inode: string): void {
    const before = this.#running.get(path);
    const functions = merged(before?.functions.values() ?? [], base.functions);
    const tried = before?.tried ?? new Set();
    this.#running.set(path, { base, inode, functions, tried, begun: new Map(), end: undefined });
  }

  /** The last function in this order that runners of this sweep began, whether or not the file says so. */
  lastBegun(path: string, order: HeaderRecord['order']): number | undefined {
    let last: number | undefined;
    for (const id of this.#running.get(path)?.tried ?? [])
      if (last === undefined || (order === 'lifo' ? id < last : id > last)) last = id;
    return last;
  }

  /** Notes an event of the runner that has the file. Others are ignored. */
  hear(path: string | undefined, event: FileEvent): void {
    const running = path === undefined ? undefined : this.#running.get(path);
    if (!running || path === undefined) return;
    if (event.kind === 'start') {
      const { id, name, attempt } = event;
      running.tried.add(id);
      const ended = traceInvoke({ path, name, attempt });
      running.begun.set(id, { began: event, atMs: performance.now(), ended });
    } else if (event.kind === 'ran') {
      const { report } = event;
      const begun = running.begun.get(report.id);
      begun?.ended(report.error);
      running.begun.delete(report.id);
      // Without a beginning: it is told again, since it was given up.
      this.#ran(running, report, begun?.began.isLast ?? true);
    } else running.end = event;
  }

  /** Notes the functions in which a runner died. */
  endBegun(path: string, reason: (name: string) => ReportedError): void {
    const running = this.#running.get(path);
    if (!running) return;
    for (const [id, { began, atMs, ended }] of running.begun) {
      const error = reason(began.name);
      ended(error);
      const { name, attempt } = began;
      const ms = Math.round(performance.now() - atMs);
      this.#ran(running, { id, name, attempt, outcome: outcomeOf(error), ms, error }, began.isLast);
    }
    running.begun.clear();
  }

  /** `unclear`: look again. The runner told no end, or an untrue one, or it is dead and may have left more than it said. */
  settle(path: string, isDead = false): 'retired' | 'left' | 'unclear' {
    const running = this.#running.get(path);
    if (!running) return 'left';
    const { base, end, functions } = running;
    const report = end?.report;
    if (!report || (isDead && !report.isRetired)) return 'unclear';
    if (report.isRetired && isThere(path, running.inode)) return 'unclear';
    this.isCut ||= end.isCut;
    this.note({ ...base, functions: [...functions.values()], ...report });
    return report.isRetired ? 'retired' : 'left';
  }

  /** Notes a file that another sweep finished; or perhaps its runner, whose events could not be read (`unheard` says why). */
  vanished(path: string, unheard?: ReportedError): void {
    const running = this.#release(path, () => unheard);
    if (!running || !(unheard || running.functions.size > 0)) return;
    const functions = [...running.functions.values()];
    const retired = { ...running.base, functions, isRetired: true, pending: 0 };
    this.note(unheard ? { ...retired, error: unheard } : retired);
  }

  /** The runner has the file no more. Ends the traces of functions that were not heard of since they began. */
  #release(path: string, errorOf: (id: number) => ReportedError | undefined): Running | undefined {
    const running = this.#running.get(path);
    this.#running.delete(path);
    for (const [id, { ended }] of running?.begun ?? []) ended(errorOf(id));
    return running;
  }

  #ran({ base, functions }: Running, ran: FunctionReport, isLast: boolean): void {
    functions.set(ran.id, ran);
    this.#listener?.ran(base, ran, isLast);
  }

  /** Forgets files that another sweep had and that are not there any more: that sweep has finished them, and says so. */
  keepSwept(paths: ReadonlySet<string>): void {
    for (const { path, outcome } of this.reports)
      if (outcome === 'sweeping' && !paths.has(path)) this.#reports.delete(path);
  }

  /** Notes why no more of a file can be run in this sweep. */
  fail(report: FileReport, error: ReportedError): void {
    this.note({ ...report, error: report.error ?? error });
  }

  /** Notes a file that this sweep leaves because it has to stop. */
  leave(report: FileReport): void {
    this.isCut = true;
    this.note(report);
  }
}

/** Merges by id. Later fields count; fields that only the runner knew are kept, but no error beside another outcome. */
function merged(before: Iterable<FunctionReport>, now: readonly FunctionReport[]): Running['functions'] {
  const functions = new Map<number, FunctionReport>();
  for (const ran of [...before, ...now]) {
    const { error: _, ...known } = functions.get(ran.id) ?? {};
    functions.set(ran.id, { ...known, ...ran });
  }
  return functions;
}

function isThere(path: string, inode: string): boolean {
  // What cannot be told is looked at again.
  return unlessRefused(() => {
    const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return stat !== undefined && inodeKey(stat) === inode;
  }, true);
}
