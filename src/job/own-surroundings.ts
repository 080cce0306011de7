import { DeferredSweepError } from '../errors.ts';
import { variable } from '../function/environment.ts';
import type { DeferRecord, HeaderRecord } from '../log/records.ts';
import { isHere } from '../state/place.ts';

/** Whether this process has the function's working directory and variables: to set them would change them for all of it. */
export function isInItsSurroundings(header: HeaderRecord, { cwd = header.cwd, env }: DeferRecord): boolean {
  for (const name in env) if (env[name] !== (variable(name) ?? null)) return false;
  return isHere(cwd);
}

export function notInItsSurroundings({ name }: DeferRecord, path: string): DeferredSweepError {
  return new DeferredSweepError(
    'DEFERRED_UNSUPPORTED',
    `cannot run ${name} now: the working directory of this process, or a variable of the option "env", is not as it was when it was registered; the end of the job runs it as it was`,
    { path },
  );
}
