import { mkdirSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job } from '../job/job.ts';
import { requireKnown } from '../known-options.ts';
import { shown } from '../printable.ts';
import { deferByName } from './by-name.ts';
import { createToken } from './token.ts';

export interface TemporaryDirectoryOptions {
  /** Where it is made. @defaultValue that of the system: TMPDIR, else /tmp */
  parent?: string | undefined;
  /** What its name begins with. @defaultValue 'deferred-' */
  prefix?: string | undefined;
}

/**
 * Makes a directory of mode 0700 under a new random name, and returns its absolute path. That it is removed at the end of
 * the job, with all in it, is registered before it is made.
 * @throws TypeError for a prefix with a slash; what `job.defer` throws; Error of Node's shape when it cannot be made. Then
 * nothing is registered.
 */
export function temporaryDirectory(job: Job, options: TemporaryDirectoryOptions = {}): string {
  requireKnown(options, ['parent', 'prefix']);
  const { parent = tmpdir(), prefix = 'deferred-' } = options;
  if (typeof prefix !== 'string' || /[/\0]/.test(prefix))
    throw new TypeError(`option "prefix" must be a part of a file name, got ${shown(prefix)}`);
  const root = realpathSync(parent);
  // By accident no such name is ever taken.
  const path = join(root, prefix + createToken());
  const registration = job.defer(deferByName('remove-path', 'removePath', path, { root }));
  try {
    mkdirSync(path, { mode: 0o700 });
    return path;
  } catch (error) {
    registration.cancel();
    throw error;
  }
}
