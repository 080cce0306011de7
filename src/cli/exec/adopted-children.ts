import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { becomeSubreaper, reapAdopted } from '../../native/child-reaper.ts';

/**
 * From now on this process reaps what its descendants leave behind, as pid 1 has to. It leaves alone what Node waits for:
 * all that `child_process` starts from now on, by whichever part of the program.
 */
export function reapOrphans(): void {
  const own = new Set<ChildProcess>();
  const reap = (): void => void reapAdopted(pid => [...own].some(child => child.pid === pid));
  subscribe('child_process', message => {
    const child = (message as { process: ChildProcess }).process;
    own.add(child);
    child.once('exit', () => {
      own.delete(child);
      // Others may have stood behind it.
      reap();
    });
  });
  becomeSubreaper();
  process.on('SIGCHLD', reap);
}
