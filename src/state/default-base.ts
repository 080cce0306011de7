import { join } from 'node:path';
import { unlessRefused } from '../errors.ts';

/** The environment variable that names the place. */
export const BASE_VARIABLE = 'DEFERRED_SWEEP_DIR';

/**
 * The base directory that is used when none is named: the value of `DEFERRED_SWEEP_DIR`, else
 * `/var/tmp/deferred-sweep-<uid>`, on macOS a directory in the user's temporary directory. TMPDIR and XDG_RUNTIME_DIR are
 * not asked: they differ between a job and the hook that sweeps after it. Makes nothing.
 */
export function defaultBase(env: NodeJS.ProcessEnv = process.env): string {
  const named = env[BASE_VARIABLE];
  if (named !== undefined && named !== '') return named;
  return join(temporaryDirectory(), `deferred-sweep-${process.geteuid?.() ?? 0}`);
}

function temporaryDirectory(): string {
  if (process.platform !== 'darwin') return '/var/tmp';
  const { execFileSync } = process.getBuiltinModule('node:child_process');
  // As the system tells it, since TMPDIR may be the job's own.
  const told = unlessRefused(
    () => execFileSync('/usr/bin/getconf', ['DARWIN_USER_TEMP_DIR'], { encoding: 'utf8' }).trim(),
    '',
  );
  return told === '' ? '/var/tmp' : told;
}
