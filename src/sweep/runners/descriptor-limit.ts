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

/** Most candidates that wait for a runner. Each keeps a descriptor open. */
const MOST_HELD = 64;
const LEAST_HELD = 4;
/** Descriptors that Node and a runner's pipes take. */
const RESERVED_DESCRIPTORS = 40;
/** How many candidates of a sweep may be open. */
export function mostHeld(): number {
  return Math.max(LEAST_HELD, Math.min(MOST_HELD, (descriptorLimit() - RESERVED_DESCRIPTORS) / 2));
}
