import { hostname } from 'node:os';
import { hasCode } from '../errors.ts';
import { epochMs } from '../log/clock.ts';
import type { StateFile } from '../state/state-file.ts';

/** Asked once: that costs more than the rest of a claim. */
const HOST = hostname();

/**
 * Tells other sweepers that the file is being swept. If the disk takes no claim they see a live owner. The functions
 * still run: a cleanup may make room.
 */
export function writeClaim(file: StateFile, nonce: string): void {
  try {
    file.append([{ kind: 'claim', nonce, pid: process.pid, host: HOST, atEpochMs: epochMs() }]);
  } catch (error) {
    if (!hasCode(error, 'DEFERRED_STATE_IO')) throw error;
  }
}
