import { readFileSync } from 'node:fs';

/** The codes that `docs/errors.md` promises. */
export const DOCUMENTED: readonly string[] = [
  ...readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8').matchAll(
    /^\| `(DEFERRED_\w+)` /gm,
  ),
].map(([, code]) => code as string);
