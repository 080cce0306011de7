import { NOTHING_MORE } from '../trust/trust.ts';
import { WayJudge } from '../trust/trusted-path.ts';
import { type Way, walk } from '../trust/way.ts';

/**
 * The way to what root uses for others: each step is root's, and only root can change it. No option names more as trusted.
 * @param refuse - throws
 */
export function rootsWay(path: string, refuse: (what: string, advice: string) => never): Way {
  const judge = new WayJudge(NOTHING_MORE);
  const way = walk(path, step => {
    const distrust = judge.refuseStep(step);
    if (distrust) refuse(distrust.what, distrust.advice);
    const name = step.path === path ? 'it' : step.path;
    if (step.stat.uid !== 0) refuse(`${name} does not belong to root`, 'use a place that root has made');
  });
  const mounts = judge.refuseMounts(way);
  if (mounts) refuse(mounts.what, mounts.advice);
  return way;
}
