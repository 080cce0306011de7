/**
 * The original of this package, for orientation: `src/toil/deferred.py` of DataBiosphere/toil at 8593a3e155, run unchanged, on
 * another day, on a machine of two cores like the one of the results. Best of several rounds; not of one run with the others.
 */
export const ORIGINAL = 'the original (another run)';

/** question → rows, in its unit */
export const original = {
  register: [
    { size: 'tmpfs', best: 66.7 },
    { size: 'disk', best: 143 },
  ],
  run: [{ best: 14.1 }],
  'open-close': [{ size: 'file reused', best: 164 }],
  scan: [{ size: 1000, best: 4.9 }],
  // In a process that was up: 41 µs a file.
  sweep: [{ size: 1000, best: 41 }],
  command: [{ size: 'Python, cleanupWorker', best: 278 }],
};

/** What the same run had as floor of running an own function. */
export const ORIGINAL_RATIO_OF_RUN = 14.1 / 1.08;
