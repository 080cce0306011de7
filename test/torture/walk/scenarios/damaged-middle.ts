import { readFileSync, writeFileSync } from 'node:fs';
import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'a file damaged in the middle',
  children: 'survive',
  minimumPoints: 35,
  damaged: 1,
  exitCodes: [0, 1, 3],
  async prepare(stage) {
    const job = await stage.manager().open();
    await stage.defer(job, 'a');
    const start = readFileSync(job.path).length;
    job.defer(String, 'to be damaged');
    const end = readFileSync(job.path).length;
    await stage.defer(job, 'b');
    const bytes = readFileSync(job.path);
    bytes.fill(0xff, start + 20, end - 5);
    writeFileSync(job.path, bytes);
    stage.die();
  },
  run: stage => stage.commandLine('sweep', '--json', stage.base),
};
export default scenario;
