/** A Slurm cluster of one node, this machine: munged, slurmctld and slurmd as children of the test. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../helpers/free-port.ts';
import { until } from '../helpers/until.ts';

const PROGRAMS = ['munged', 'slurmctld', 'slurmd', 'sbatch'];

/** For the `skip` option: false, or what is missing. */
export const noSlurm: string | false =
  process.getuid?.() !== 0
    ? 'NOT TESTED: only root can run a Slurm node'
    : PROGRAMS.some(program => spawnSync(program, ['-V']).error)
      ? 'NOT TESTED: Slurm is missing; apt-get install slurm-wlm munge'
      : false;

export interface SlurmScripts {
  readonly prolog: string;
  readonly taskProlog: string;
  readonly epilog: string;
}

export class SlurmNode {
  readonly #env: NodeJS.ProcessEnv;
  readonly #daemons: ChildProcess[] = [];
  readonly #place: string;

  private constructor(place: string) {
    this.#place = place;
    this.#env = { PATH: process.env.PATH, SLURM_CONF: join(place, 'slurm.conf') };
  }

  /** Starts the cluster below `place`, which all users can read. Ends it by {@link stop}. */
  static async start(place: string, scripts: SlurmScripts): Promise<SlurmNode> {
    const node = new SlurmNode(place);
    try {
      await node.#start(scripts);
    } catch (error) {
      await node.stop();
      throw new Error(`the Slurm node did not start:\n${node.logs}`, { cause: error });
    }
    return node;
  }

  /** Standard output of one of Slurm's commands. @throws Error */
  ask(command: string, ...args: string[]): string {
    const { status, stdout, stderr, error } = spawnSync(command, args, { env: this.#env, encoding: 'utf8' });
    if (error) throw error;
    assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  }

  /** Submits a shell script as this user; returns the job's number. */
  submit(uid: number, script: string, ...options: string[]): string {
    const path = join(this.#place, `job-${randomBytes(6).toString('hex')}.sh`);
    writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const args = ['--parsable', '--chdir=/', '--output=/dev/null', '--mem=1', ...options, path];
    const { status, stdout, stderr } = spawnSync('sbatch', args, {
      uid,
      gid: uid,
      env: this.#env,
      cwd: '/',
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    return stdout.trim();
  }

  /** `idle`, `mixed`, `drained`, … */
  get state(): string {
    return this.ask('sinfo', '--noheader', '--format=%T');
  }

  /** The ends of the logs of both daemons. */
  get logs(): string {
    return ['slurmctld.log', 'slurmd.log']
      .map(name => {
        try {
          return `== ${name}\n${readFileSync(join(this.#place, 'log', name), 'utf8').slice(-4000)}`;
        } catch (error) {
          return `== ${name}: ${String(error)}`;
        }
      })
      .join('\n');
  }

  async stop(): Promise<void> {
    for (const daemon of this.#daemons.reverse()) {
      if (daemon.exitCode !== null || daemon.signalCode !== null) continue;
      const ended = new Promise(resolve => daemon.once('exit', resolve));
      daemon.kill('SIGTERM');
      const killing = setTimeout(() => daemon.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(killing);
    }
  }

  async #start({ prolog, taskProlog, epilog }: SlurmScripts): Promise<void> {
    const place = this.#place;
    for (const name of ['ctld', 'd', 'log', 'run', 'munge']) mkdirSync(join(place, name), { mode: 0o755 });
    const [uid, gid] = ['-u', '-g'].map(what =>
      Number(spawnSync('id', [what, 'munge'], { encoding: 'utf8' }).stdout),
    );
    const munge = join(place, 'munge');
    writeFileSync(join(munge, 'key'), randomBytes(128), { mode: 0o400 });
    for (const path of [munge, join(munge, 'key')]) chownSync(path, uid!, gid!);
    chmodSync(munge, 0o755);
    const files = ['key-file=key', 'socket=socket', 'pid-file=pid', 'log-file=log', 'seed-file=seed'];
    this.#daemons.push(
      spawn('munged', ['--foreground', ...files.map(file => `--${file.replace('=', `=${munge}/`)}`)], {
        uid: uid!,
        gid: gid!,
        stdio: 'ignore',
      }),
    );
    for (const [name, text] of Object.entries({ prolog, 'task-prolog': taskProlog, epilog }))
      writeFileSync(join(place, `${name}.sh`), text, { mode: 0o755 });
    writeFileSync(join(place, 'slurm.conf'), await configuration(place));
    await until('munged', () => spawnSync('munge', ['--no-input', '-S', join(munge, 'socket')]).status === 0);
    for (const [program, ...args] of [
      ['slurmctld', '-D'],
      ['slurmd', '-D', '-N', hostname()],
    ] as const)
      this.#daemons.push(spawn(program, args, { env: this.#env, stdio: 'ignore' }));
    await until(
      'an idle node',
      () => {
        const { stdout } = spawnSync('sinfo', ['--noheader', '--format=%T'], {
          env: this.#env,
          encoding: 'utf8',
        });
        return stdout.trim() === 'idle';
      },
      60_000,
    );
  }
}

/** More processors than there may be: jobs wait for each other less. A requeued job waits for its credential to expire. */
async function configuration(place: string): Promise<string> {
  const [ctld, d] = [await freePort(), await freePort()];
  return `ClusterName=test
SlurmctldHost=${hostname()}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${place}/munge/socket,cred_expire=10
CredType=cred/munge
SlurmctldPort=${ctld}
SlurmdPort=${d}
StateSaveLocation=${place}/ctld
SlurmdSpoolDir=${place}/d
SlurmctldPidFile=${place}/run/slurmctld.pid
SlurmdPidFile=${place}/run/slurmd.pid
SlurmctldLogFile=${place}/log/slurmctld.log
SlurmdLogFile=${place}/log/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
KillWait=5
MinJobAge=300
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
Prolog=${place}/prolog.sh
TaskProlog=${place}/task-prolog.sh
Epilog=${place}/epilog.sh
PrologEpilogTimeout=60
NodeName=${hostname()} NodeAddr=127.0.0.1 CPUs=8 RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=${hostname()} Default=YES MaxTime=01:00:00 State=UP
`;
}
