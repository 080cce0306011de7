/** What both ways of running orphans' functions have in common. */
import type { ResolvedSweepOptions } from '../options.ts';
import type { StopCondition } from '../stop.ts';
import type { TakenFile } from '../taken-file.ts';

/**
 * Runs what is runnable in each file, as far as `stop` allows; each file's marks say what came of it. The files stay
 * locked. Never throws for what is wrong with one file: that is noted there.
 */
export type Runner = (
  files: readonly TakenFile[],
  options: ResolvedSweepOptions,
  stop: StopCondition,
) => Promise<void>;
