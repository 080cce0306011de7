/** Running orphans' functions in this process: `isolation: 'none'`. */
import { noRoomForStart, runFunction } from '../run-function.ts';
import type { Runner } from './runner.ts';

export const runInPlace: Runner = async (files, options, stop) => {
  for (const taken of files) {
    try {
      for (const registered of taken.runnable()) {
        if (stop.isReached) return;
        const result = await runFunction(taken.file, registered, {
          isOrphaned: true,
          timeoutMs: stop.limit(options.timeoutMs ?? registered.record.timeoutMs),
          killGraceMs: options.killGraceMs,
          onMark: mark => taken.apply(mark),
        });
        if (result === 'not-started')
          taken.leave(registered.record.id, noRoomForStart(registered.record.name));
      }
    } catch (error) {
      taken.fail(error);
    }
  }
};
