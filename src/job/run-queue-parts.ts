/** What a job's queue is given, and what it leaves. */
import type { FileReport } from '../report/report.ts';
import type { StateDirectory } from '../state/state-directory.ts';
import type { ResolvedSweepOptions } from '../sweep/options.ts';
import type { FilePool } from './file-pool.ts';
import type { JobOptions } from './options.ts';

/** What a queue has of its job's manager. */
export interface RunQueueParts {
  readonly directory: StateDirectory;
  readonly options: JobOptions & { readonly sweep: Pick<ResolvedSweepOptions, 'killGraceMs'> };
  readonly files: FilePool;
  /** Told of each function that failed before the end of its job. */
  readonly onEarlyFailure: (file: FileReport) => void;
}

/** What became of a job's functions when it ended. */
export interface OwnEnd {
  readonly report: FileReport;
  /** The file's name, if the sweep after the job must leave the file alone. */
  readonly left: readonly string[];
}
