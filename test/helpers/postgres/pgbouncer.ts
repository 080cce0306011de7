import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort } from '../free-port.ts';
import { until } from '../until.ts';
import type { PostgresServer } from './server.ts';

/** Why tests with pgbouncer cannot run here, or false. */
export const skipPgbouncer: string | false = existsSync('/usr/sbin/pgbouncer')
  ? false
  : 'SKIPPED: no pgbouncer here; install the package pgbouncer';

/** A pgbouncer before a server; returns its port. It ends with the test. */
export async function startPgbouncer(
  t: TestContext,
  server: PostgresServer,
  mode: 'session' | 'transaction' | 'statement',
): Promise<number> {
  const port = await freePort();
  const config = join(server.directory, `pgbouncer-${port}.ini`);
  writeFileSync(
    config,
    `[databases]
postgres = host=${server.address} port=${server.port} user=worker
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
auth_type = any
pool_mode = ${mode}
unix_socket_dir =
`,
  );
  const user = process.getuid?.() === 0 ? ['--reuid=postgres', '--regid=postgres', '--clear-groups'] : [];
  const child = spawn('setpriv', [...user, '--pdeathsig=KILL', '/usr/sbin/pgbouncer', config], {
    stdio: 'ignore',
  });
  t.after(async () => {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
  await until('pgbouncer', async () => {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return true;
    } catch {
      return false; // not yet
    } finally {
      socket.destroy();
    }
  });
  return port;
}
