import { readLedger } from '../notes.ts';
import { leaveOrphans } from '../orphans.ts';
import type { Scenario } from '../scenario.ts';

/** A file of which a call failed is looked at again after a second. */
const LONGEST_MS = 4000;
const FUNCTIONS = 4;

const scenario: Scenario = {
  name: 'watch, until all have run',
  children: 'survive',
  minimumPoints: 60,
  prepare: leaveOrphans,
  async run(stage) {
    const { watch } = await import('#dist/index.js');
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), LONGEST_MS);
    await stage.attempt(() =>
      watch(stage.base, {
        logger: null,
        signal: abort.signal,
        retryDelayMs: 0,
        onReport: report => {
          stage.tellReport(report);
          if (readLedger(stage.ledger).length >= FUNCTIONS) abort.abort();
        },
      }),
    );
    clearTimeout(timer);
  },
};
export default scenario;
