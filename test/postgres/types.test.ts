import { test } from 'node:test';
import type { ClusterJob } from '#dist/postgres/index.js';

const handlers = {
  terminateVm: (_id: string, _options?: { force: boolean }): void => {},
  deleteUpload: async (_key: string, _part: number): Promise<void> => {},
};

/** Compiled, never called: what must not compile is marked. */
async function typed(job: ClusterJob<typeof handlers>): Promise<void> {
  await job.defer('terminateVm', 'vm-1');
  await job.defer('terminateVm', 'vm-1', { force: true });
  await job.defer('deleteUpload', 'key', 3);
  await job.deferMany([
    ['terminateVm', 'vm-1'],
    ['deleteUpload', 'key', 3],
  ]);
  // @ts-expect-error: no such handler
  await job.defer('deleteVm', 'vm-1');
  // @ts-expect-error: an argument of another type
  await job.defer('terminateVm', 1);
  // @ts-expect-error: an argument is missing
  await job.defer('deleteUpload', 'key');
  // @ts-expect-error: the arguments of another handler
  await job.deferMany([['deleteUpload', 'key', { force: true }]]);
}

test('the parameters of each handler are checked where it is deferred', () => {
  // By the compiler, when the tests are built.
  void typed;
});
