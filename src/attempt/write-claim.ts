import { hostname } from 'node:os';
import { hasCode } from '../errors.ts';
import { epochMs } from '../log/clock.ts';
import type { StateFile } from '../state/state-file.ts';

/**
 * Tells other sweepers that the file is being swept. If the disk takes no claim they see a live owner. The functions
 * still run: a cleanup may make room.
 */
export function writeClaim(file: StateFile, nonce: string): void {
  try {
    file.append([{ kind: 'claim', nonce, pid: process.pid, host: hostname(), atEpochMs: epochMs() }]);
  } catch (error) {
    if (!hasCode(error, 'DEFERRED_STATE_IO')) throw error;
  }
}
