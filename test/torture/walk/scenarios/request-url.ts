import { requestUrl } from '#dist/actions/index.js';
import { readThing, thingsIn } from '../props.ts';
import type { Scenario } from '../scenario.ts';

// Node compiles its client at the first request, in threads that wake the main one as they come.
await fetch('http://127.0.0.1:1/').catch(() => {});

const scenario: Scenario = {
  name: 'requestUrl of deferred-sweep/actions',
  hasProps: true,
  minimumPoints: 40,
  async run(stage) {
    const url = `http://127.0.0.1:${readThing(thingsIn(stage.root).port)}/done`;
    const manager = stage.manager();
    const job = await stage.attempt(() => manager.open());
    if (job === undefined) return;
    await stage.act('requestUrl', () => job.defer(requestUrl, url, { retryDelayMs: 10 }));
    await stage.defer(job, 'after');
    await stage.close(job);
    await stage.never(() => manager.close());
  },
};
export default scenario;
