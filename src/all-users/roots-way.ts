import { NOTHING_MORE } from '../trust/trust.ts';
import { walkJudged } from '../trust/trusted-path.ts';
import type { Way } from '../trust/way.ts';

/**
 * The way to what root uses for others: each step is root's, and only root can change it. No option names more as trusted.
 * @param refuse - throws
 */
export function rootsWay(path: string, refuse: (what: string, advice: string) => never): Way {
  return walkJudged(path, NOTHING_MORE, (distrust, step) => {
    if (distrust) refuse(distrust.what, distrust.advice);
    if (step === undefined || step.stat.uid === 0) return;
    const name = step.path === path ? 'it' : step.path;
    refuse(`${name} does not belong to root`, 'use a place that root has made');
  });
}
