/** Sweeps a state directory as soon as an owner dies. */
import { defaultBase } from '../state/default-base.ts';
import { resolveWatchOptions, type WatchOptions } from './options.ts';
import { Watcher } from './watcher.ts';

/**
 * Runs the functions that dead processes left in `<stateDirBase>/deferred`, as soon as they die, until `signal`. Any number
 * of watchers and sweeps may be at work in one directory. The directory, and those above it, may come, go and be replaced.
 * A runner is kept ready. Resolves when the functions in progress at the signal have ended, and the runners.
 * @throws as `sweep`, if that cannot be done at the beginning; later faults are logged, and it goes on
 */
export async function watch(stateDirBase: string = defaultBase(), options: WatchOptions = {}): Promise<void> {
  await new Watcher(stateDirBase, resolveWatchOptions(options)).run(options.signal);
}
