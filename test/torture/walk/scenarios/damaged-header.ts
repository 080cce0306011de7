import { readFileSync, writeFileSync } from 'node:fs';
import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'a file without a readable header',
  minimumPoints: 15,
  damaged: 1,
  appendsNothing: true,
  exitCodes: [0, 1, 3],
  async prepare(stage) {
    const job = await stage.manager().open();
    job.defer(String, 'of no use');
    const bytes = readFileSync(job.path);
    bytes.fill(0xff, 20, 40);
    writeFileSync(job.path, bytes);
    stage.die();
  },
  run: stage => stage.commandLine('sweep', '--json', stage.base),
};
export default scenario;
