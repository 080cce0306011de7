import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { migrate } from '#dist/postgres/schema/migrate.js';
import { newClient, type PgClient } from '#dist/postgres/session/driver.js';
import { endGroup } from '../child.ts';
import { freePort } from '../free-port.ts';

/** Where Debian puts the server's programs; undefined where there are none. */
const postgresBin: string | undefined = findBin();

/** Why tests with servers cannot run here, or false. */
export const skipPostgres: string | false =
  postgresBin === undefined ? 'SKIPPED: no PostgreSQL server here; install the package postgresql' : false;

function findBin(): string | undefined {
  const base = '/usr/lib/postgresql';
  if (!existsSync(base)) return undefined;
  return readdirSync(base)
    .map(version => join(base, version, 'bin'))
    .filter(bin => existsSync(join(bin, 'initdb')))
    .sort()
    .at(-1);
}

const isRoot = process.getuid?.() === 0;

/** PostgreSQL refuses root. What is started ends with this process, however that ends. */
function asServerUser(program: string, args: readonly string[]): [string, string[]] {
  const user = isRoot ? ['--reuid=postgres', '--regid=postgres', '--clear-groups'] : [];
  return ['setpriv', [...user, '--pdeathsig=QUIT', program, ...args]];
}

function run(program: string, args: readonly string[]): void {
  const [command, all] = asServerUser(join(postgresBin!, program), args);
  execFileSync(command, all, { stdio: ['ignore', 'ignore', 'pipe'] });
}

export interface ServerOptions {
  /** Lines of `postgresql.conf`. */
  settings?: readonly string[];
  /** Address that it listens on. @defaultValue '127.0.0.1' */
  address?: string;
  /** A server of which this is to be a standby. */
  standbyOf?: PostgresServer;
}

/** A PostgreSQL server of a test's own, in a fresh directory. */
export class PostgresServer {
  readonly directory: string;
  readonly port: number;
  readonly address: string;
  #postmaster: ChildProcess | undefined;
  log = '';

  private constructor(port: number, options: ServerOptions) {
    this.port = port;
    this.address = options.address ?? '127.0.0.1';
    const parent = mkdtempSync(join(tmpdir(), 'deferred-sweep-pg-'));
    if (isRoot) {
      const [uid, gid] = ['-u', '-g'].map(flag =>
        Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' })),
      );
      chownSync(parent, uid!, gid!);
    }
    this.directory = join(parent, 'data');
    process.once('exit', () => this.#remove());
  }

  /** Made, started, ready. Ends with {@link PostgresServer.end}, at the latest with this process. */
  static async start(options: ServerOptions = {}): Promise<PostgresServer> {
    const server = new PostgresServer(await freePort(), options);
    const { standbyOf } = options;
    if (standbyOf === undefined) {
      run('initdb', [
        '-D',
        server.directory,
        '-A',
        'trust',
        '-U',
        'postgres',
        '--no-sync',
        '--no-locale',
        '-E',
        'UTF8',
      ]);
      appendFileSync(join(server.directory, 'pg_hba.conf'), 'host all all 10.0.0.0/8 trust\n');
    } else {
      const from = ['-h', standbyOf.address, '-p', String(standbyOf.port), '-U', 'postgres'];
      run('pg_basebackup', [
        '-D',
        server.directory,
        ...from,
        '-R',
        '--no-sync',
        '-c',
        'fast',
        '-X',
        'stream',
      ]);
    }
    const own = [
      `port = ${server.port}`,
      `listen_addresses = '${server.address}'`,
      `unix_socket_directories = '${server.directory}'`,
      'max_connections = 100',
      'fsync = off',
      'log_min_messages = warning',
    ];
    server.configure([...own, ...(options.settings ?? [])]);
    await server.boot();
    return server;
  }

  /** Adds lines to the configuration; they count from the next start, or {@link PostgresServer.reload}. */
  configure(lines: readonly string[]): void {
    appendFileSync(join(this.directory, 'postgresql.conf'), `${lines.join('\n')}\n`);
  }

  /** Starts the server. Resolves when it takes connections. @param env - additions to its environment */
  async boot(env: NodeJS.ProcessEnv = {}): Promise<void> {
    const [command, args] = asServerUser(join(postgresBin!, 'postgres'), ['-D', this.directory]);
    const postmaster = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    this.#postmaster = postmaster;
    const before = this.log.length;
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: postmaster.stderr! }).on('line', line => {
        this.log += `${line}\n`;
        if (/ready to accept (read-only )?connections/.test(line)) resolve();
      });
      postmaster.once('exit', () => reject(new Error(`the server ended:\n${this.log.slice(before)}`)));
    });
  }

  /** SIGINT: fast shutdown; SIGQUIT: as a crash. Resolves when it has ended. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    const postmaster = this.#postmaster;
    if (postmaster === undefined || postmaster.exitCode !== null || postmaster.signalCode !== null) return;
    const exited = once(postmaster, 'exit');
    postmaster.kill(signal);
    await exited;
  }

  reload(): void {
    this.#postmaster!.kill('SIGHUP');
  }

  async end(): Promise<void> {
    await this.stop('SIGQUIT');
    this.#remove();
  }

  #remove(): void {
    if (this.#postmaster?.pid !== undefined) endGroup(this.#postmaster.pid);
    rmSync(join(this.directory, '..'), { recursive: true, force: true });
  }

  url(user = 'postgres', port: number = this.port): string {
    return `postgres://${user}@${this.address}:${port}/postgres`;
  }

  /** A connection; the caller ends it. */
  async connect(user = 'postgres'): Promise<PgClient> {
    const client = await newClient({ connectionString: `${this.url(user)}?application_name=test` });
    await client.connect();
    return client;
  }

  /** A connection whose transaction holds what this statement locks, until its ROLLBACK or the end of the test. */
  async lock(t: TestContext, statement: string, values: readonly unknown[] = []): Promise<PgClient> {
    const blocker = await this.connect();
    t.after(() => blocker.end());
    await blocker.query('BEGIN');
    await blocker.query(statement, [...values]);
    return blocker;
  }

  /** As {@link lock}, of an owner's row. */
  lockOwner(t: TestContext, id: string): Promise<PgClient> {
    const row = 'SELECT FROM deferred_sweep.owners WHERE deferred_sweep.hex_key(lock_key) = $1 FOR UPDATE';
    return this.lock(t, row, [id]);
  }

  /** The rows of one statement of the superuser. */
  async sql(text: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> {
    const client = await this.connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** The schema, and the roles `worker` and `operator`. */
  async migrate(): Promise<void> {
    const client = await this.connect();
    await client.query('CREATE ROLE worker LOGIN; CREATE ROLE operator LOGIN');
    await migrate(client, '"deferred_sweep"', { workers: ['worker'], operators: ['operator'] });
    await client.end();
  }
}
