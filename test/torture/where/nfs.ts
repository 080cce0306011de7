/** Clients of an NFS server, each with a network and a hostname of its own: `vm/parts/nfs.sh` makes them. */
import { mkdtempSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import { freshDirectory } from '../../helpers/fresh-directory.ts';
import { type Mounts, must, NotHere } from './mounts.ts';

export const NFS_VERSIONS = ['4.2', '4.0'] as const;
export type NfsVersion = (typeof NFS_VERSIONS)[number];

/** `twin-a` and `twin-b` have the same hostname. The number is that of the client's network. */
const NETWORKS = { one: 1, two: 2, 'twin-a': 3, 'twin-b': 4 } as const;
export type ClientName = keyof typeof NETWORKS;

/** The exported directory, as the server itself sees it. @throws NotHere outside of the virtual machine */
function exported(): string {
  const root = process.env.TORTURE_NFS_EXPORT;
  if (root !== undefined) return root;
  throw new NotHere('NOT TESTED: no NFS server and clients here: bash test/torture/vm/run.sh nfs');
}

/** A base directory that clients share, and a ledger on no network. */
export class SharedPlace {
  /** The base directory as the server's own programs reach it. */
  readonly server: string;
  readonly ledger: string;
  readonly #mounts: Mounts;
  readonly #version: NfsVersion;

  constructor(t: TestContext, mounts: Mounts, version: NfsVersion) {
    this.server = mkdtempSync(join(exported(), 'base-')); // mode 0700
    this.ledger = join(freshDirectory(t), 'ledger');
    this.#mounts = mounts;
    this.#version = version;
  }

  /** The base directory as this client reaches it, on a mount made for it now. */
  as(client: ClientName, ...options: string[]): string {
    return join(mountAs(client, this.#mounts, this.#version, ...options), basename(this.server));
  }

  /** All that is in it for the server: no client's cache has a say in it. */
  onServer(): string[] {
    return readdirSync(this.server, { recursive: true, encoding: 'utf8' }).sort();
  }
}

/**
 * Mounts the export as this client, and returns where. Whoever works there works as this client, wherever he runs: it
 * is the mount that has the network and the hostname.
 * @throws NotHere outside of the virtual machine
 */
export function mountAs(
  client: ClientName,
  mounts: Mounts,
  version: NfsVersion,
  ...options: string[]
): string {
  const source = `10.0.${NETWORKS[client]}.1:${exported()}`;
  const all = [`vers=${version}`, ...options].join(',');
  const [program, ...args] = runningOn(client);
  return mounts.by(`${client}-${version}`, program, ...args, 'mount', '-t', 'nfs', '-o', all, source);
}

/** For the `under` option of `startChild`: a program that sees the client's network and hostname. */
export function runningOn(client: ClientName): [program: string, ...args: string[]] {
  return ['nsenter', `--net=/run/netns/${client}`, `--uts=/run/uts/${client}`];
}

/** Whether packets get from the client to the server and back. */
export function connect(client: ClientName, isConnected: boolean): void {
  must('ip', 'link', 'set', `to-${client}`, isConnected ? 'up' : 'down');
}

/** Ends the server, and with it all it knew of its clients, and starts it again; it keeps the times of its lease and grace. */
export function restartServer(): void {
  must('rpc.nfsd', '0');
  must('rpc.nfsd', '8');
}
