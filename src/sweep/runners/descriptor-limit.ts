import { readFileSync } from 'node:fs';
import { unlessRefused } from '../../errors.ts';

/** The default of macOS, for systems that do not tell. */
const USUAL_LIMIT = 256;

/** How many descriptors this process may have open: RLIMIT_NOFILE, getrlimit(2). */
export function descriptorLimit(): number {
  const limits = unlessRefused(() => readFileSync('/proc/self/limits', 'latin1'), '');
  const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(limits) ?? [];
  if (soft === 'unlimited') return Number.POSITIVE_INFINITY;
  return soft === undefined ? USUAL_LIMIT : Number(soft);
}
