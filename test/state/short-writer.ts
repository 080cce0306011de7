/**
 * Appends twice to the state file it is given, with the durability it is given; reports the error of the first time, the
 * ids of the functions it then believes to be in it, then what came of the second.
 */
import { constants, openSync, statSync } from 'node:fs';
import { DeferredSweepError, type DeferredSweepErrorCode } from 'deferred-sweep';
import { StateFile } from '#dist/state/state-file.js';
import { finish } from '../helpers/parent.js';
import { deferOf, headerOf } from '../helpers/state-bytes.js';

const path = process.argv[2]!;
const file = new StateFile(
  path,
  openSync(path, constants.O_RDWR | constants.O_APPEND),
  headerOf({ durability: process.argv[3] === 'disk' ? 'disk' : 'process' }),
  statSync(path).size,
);
let first: (DeferredSweepErrorCode | string | undefined)[] = ['no error'];
try {
  file.register(deferOf(2, ['lost']));
} catch (error) {
  if (!(error instanceof DeferredSweepError)) throw error;
  first = [error.code, (error.cause as NodeJS.ErrnoException).code];
}
const known = [...file.read().functions.keys()];
file.register(deferOf(3, ['kept']));
await finish([...first, known, 'written']);
