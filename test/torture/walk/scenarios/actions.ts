import {
  identifyPath,
  identifyProcess,
  killProcess,
  removePath,
  runCommand,
  temporaryDirectory,
} from '#dist/actions/index.js';
import type { Job } from '#dist/index.js';
import { readThing, thingsIn } from '../props.ts';
import type { Scenario } from '../scenario.ts';

/** What the system refuses it tells as Node does. */
function make(job: Job, parent: string): string | undefined {
  try {
    return temporaryDirectory(job, { parent });
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    return undefined;
  }
}

const scenario: Scenario = {
  name: 'the actions of deferred-sweep/actions',
  hasProps: true,
  minimumPoints: 60,
  async run(stage) {
    const { tree, spared, pid } = thingsIn(stage.root);
    const manager = stage.manager();
    const job = await stage.attempt(() => manager.open());
    if (job === undefined) return;
    const command = (name: string): string[] => ['-c', `echo ${name} own >> '${stage.ledger}'`];
    await stage.act('removePath', () =>
      job.defer(removePath, tree, { root: stage.root, identity: identifyPath(tree) }),
    );
    await stage.act('killProcess', () => job.defer(killProcess, identifyProcess(readThing(pid))));
    await stage.register('command', () => job.defer(runCommand, 'sh', command('command')));
    await stage.act('temporaryDirectory', () => make(job, stage.base));
    const registration = await stage.attempt(() => job.defer(removePath, spared));
    await stage.cancel(registration, 'spared');
    const another = await stage.register('unwanted', () => job.defer(runCommand, 'sh', command('unwanted')));
    await stage.cancel(another, 'unwanted');
    await stage.close(job);
    await stage.never(() => manager.close());
  },
};
export default scenario;
