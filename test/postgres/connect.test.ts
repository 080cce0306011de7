import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, copyFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { hasCode } from '#dist/errors.js';
import { ClusterOperator } from '#dist/postgres/operate.js';
import { commandLinePath } from '../helpers/command-line.ts';
import { freePort } from '../helpers/free-port.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { noMounts, withMounts } from '../helpers/mount-namespace.ts';
import { Authority, skipCertificates } from '../helpers/postgres/certificates.ts';
import { Pool } from '../helpers/postgres/pool.ts';
import { type PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';
import { until } from '../helpers/until.ts';

const law = { skip: skipPostgres };
let server: PostgresServer;

sharedServer(started => {
  server = started;
});

/** What opening a job, and connecting as an operator, reject with. */
async function refusals(t: TestContext, url: string): Promise<string[]> {
  const operated = ClusterOperator.connect({ connectionString: url }, '"deferred_sweep"', 'p', 10_000);
  const opened = new Pool(t, server).manager({ connection: url }).open();
  return await Promise.all(
    [operated, opened].map(async (connected: Promise<unknown>) => {
      let told = '';
      await assert.rejects(connected, error => {
        told = (error as Error).message;
        return hasCode(error, 'DEFERRED_DATABASE');
      });
      return told;
    }),
  );
}

test('a URL of several hosts is refused, and one with a comma in its password is none', law, async t => {
  const several = `cannot connect to PostgreSQL: pg takes one host, got several; name one that leads to the primary`;
  const { port } = server;
  for (const url of [
    `postgres://worker@127.0.0.1:${port},127.0.0.2:${port}/postgres`,
    `postgres://127.0.0.1,127.0.0.2/postgres`,
    `postgres://worker@/postgres?host=127.0.0.1,127.0.0.2`,
  ])
    assert.deepEqual(await refusals(t, url), [several, several], url);
  const connection = server.url('worker:pass,word');
  await (await new Pool(t, server).manager({ connection }).open()).close();
});

test('where a host has several addresses and none answers, each is named', {
  skip: noMounts,
}, async t => {
  const directory = freshDirectory(t);
  const port = await freePort();
  writeFileSync(join(directory, 'hosts'), '127.0.0.8 both\n127.0.0.9 both\n');
  writeFileSync(join(directory, 'handlers.mjs'), 'export const handlers = { note() {} };\n');
  const [unshare, ...under] = withMounts('mount --bind hosts /etc/hosts');
  for (const verb of [['list'], ['sweep', '--handlers', 'handlers.mjs']]) {
    const args = [commandLinePath, 'cluster', ...verb, '--pool', 'p'];
    const { status, stderr } = spawnSync(unshare!, [...under, process.execPath, ...args], {
      cwd: directory,
      encoding: 'utf8',
      env: { ...process.env, DEFERRED_SWEEP_POSTGRES: `postgres://worker@both:${port}/postgres` },
    });
    assert.equal(status, 3);
    assert.match(
      stderr,
      new RegExp(`ECONNREFUSED 127.0.0.8:${port}, connect ECONNREFUSED 127.0.0.9:${port};`),
    );
  }
});

/** Has the server show a certificate to those who connect from now on. */
async function show(
  t: TestContext,
  { certificate, key }: { certificate: string; key: string },
): Promise<void> {
  const { uid, gid } = statSync(server.directory);
  for (const [from, name] of [
    [certificate, 'server.crt'],
    [key, 'server.key'],
  ] as const) {
    const to = join(server.directory, name);
    copyFileSync(from, to);
    chownSync(to, uid, gid);
  }
  await server.sql('ALTER SYSTEM SET ssl = on');
  const [before] = await server.sql('SELECT pg_conf_load_time() AS at');
  server.reload();
  t.after(async () => {
    await server.sql('ALTER SYSTEM RESET ssl');
    server.reload();
  });
  await until('the certificate', async () => {
    const [now] = await server.sql("SELECT pg_conf_load_time() AS at, current_setting('ssl') AS ssl");
    return Number(now!.at) > Number(before!.at) && now!.ssl === 'on';
  });
}

test('a fault of a certificate is told with what to do, and mended it is no fault', {
  skip: skipPostgres || skipCertificates,
}, async t => {
  const authority = new Authority(freshDirectory(t));
  const another = new Authority(freshDirectory(t));
  const url = `${server.url('worker').replace('127.0.0.1', 'localhost')}?sslmode=verify-full`;
  const known = `${url}&sslrootcert=${authority.path}`;
  const refused = async (connection: string, reason: RegExp): Promise<void> => {
    for (const message of await refusals(t, connection)) assert.match(message, reason);
  };
  await refused(known, /: The server does not support SSL connections; look at the server/);
  await show(t, authority.issue('localhost'));
  const unknown = /: unable to verify the first certificate; name .* by sslrootcert=FILE/;
  await refused(url, unknown);
  await refused(`${url}&sslrootcert=${another.path}`, unknown);
  await refused(`${url}&sslrootcert=/nowhere.crt`, /: ENOENT: .*'\/nowhere.crt'; look at/);
  await show(t, authority.issue('elsewhere.example'));
  await refused(known, /: Hostname\/IP does not match .*; look at the certificates, and at the host name/);
  await show(t, authority.issue('localhost', -1));
  await refused(known, /: certificate has expired; look at the certificates/);
  await show(t, authority.issue('localhost'));
  await (await new Pool(t, server).manager({ connection: known }).open()).close();
});

test(
  'a limit of connections is told with what to do; one that is reached later is told, and waited for',
  law,
  async t => {
    const limit = async (most: number) => await server.sql(`ALTER ROLE limited CONNECTION LIMIT ${most}`);
    await server.sql('CREATE ROLE limited LOGIN IN ROLE worker, operator');
    await limit(0);
    const connection = server.url('limited');
    for (const message of await refusals(t, connection))
      assert.match(message, /: too many connections for role "limited"; raise .* CONNECTION LIMIT/);

    await limit(2);
    const pool = new Pool(t, server);
    const warnings: string[] = [];
    const logger = { info() {}, warn: (text: string) => void warnings.push(text) };
    const job = await pool.manager({ connection, logger }).open();
    await job.defer('note', pool.ledger.path, 'a');
    await limit(0);
    await server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'limited'");
    // Nothing is asked meanwhile, so no call can tell of it.
    await until('the reason', () =>
      warnings.some(text => text.includes('still no connection: too many connections')),
    );
    await limit(2);
    await job.defer('note', pool.ledger.path, 'b');
    assert.equal((await job.close()).ok, 2);
    assert.equal(warnings.filter(text => text.includes('still no connection')).length, 1);
  },
);
