import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { packageRoot } from '../helpers/command-line.ts';
import { PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { until } from '../helpers/until.ts';

/** The example's small cloud, which is no part of what is compiled. */
interface Cloud {
  readonly machines: ReadonlyMap<string, { readonly state: string }>;
  readonly log: readonly string[];
  readonly port: number;
  close(): void;
}

test('the example: a killed worker leaves a machine running, `cluster watch` terminates it and ends by SIGTERM', {
  skip: skipPostgres,
}, async t => {
  const server = await PostgresServer.start();
  t.after(() => server.end());
  await server.migrate();
  const { startCloud } = (await import(`${packageRoot}examples/cluster/fake-cloud.mjs`)) as {
    startCloud(): Promise<Cloud>;
  };
  const cloud = await startCloud();
  t.after(() => cloud.close());
  const env = {
    ...process.env,
    NODE_TEST_CONTEXT: undefined,
    CLOUD_URL: `http://127.0.0.1:${cloud.port}`,
    DEFERRED_SWEEP_POSTGRES: server.url('worker'),
  };
  const start = (...args: string[]) => {
    const child = spawn(process.execPath, args, {
      cwd: packageRoot,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    return child;
  };

  const orderly = start('examples/cluster/worker.mjs');
  assert.deepEqual(await once(orderly, 'exit'), [0, null]);
  assert.deepEqual(
    [...cloud.machines.values()].map(({ state }) => state),
    ['terminated'],
  );

  const killed = start('examples/cluster/worker.mjs', '--forever');
  await once(killed.stdout!, 'data');
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  const states = () => [...cloud.machines.values()].map(({ state }) => state);
  assert.deepEqual(states(), ['terminated', 'running']);
  const handlers = ['--handlers', 'examples/cluster/handlers.mjs', '--interval', '100ms'];
  const watch = start('dist/cli/start.cjs', 'cluster', 'watch', '--pool', 'machines', ...handlers);
  await until('the termination', () => states()[1] === 'terminated');
  assert.equal(cloud.log.filter(entry => entry.startsWith('DELETE')).length, 2);
  watch.kill('SIGTERM');
  assert.deepEqual(await once(watch, 'exit'), [0, null]);
});
