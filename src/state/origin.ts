/**
 * Where a process is, as far as that changes what numbers and paths mean: user ids in another user namespace, paths in
 * another mount namespace or on another host, process ids after another boot.
 */
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { unlessRefused } from '../errors.ts';
import { bootId } from '../lock/boot.ts';

export interface Origin {
  readonly host: string;
  /** `null` where the system does not tell. */
  readonly bootId: string | null;
  /** As namespaces(7) names them, such as `user:[4026531837]`; `undefined` where the system does not tell. */
  readonly userNamespace?: string | undefined;
  readonly mountNamespace?: string | undefined;
}

/** Where we are. */
export function here(): Origin {
  return {
    host: hostname(),
    bootId: bootId(),
    userNamespace: namespace('user'),
    mountNamespace: namespace('mnt'),
  };
}

/**
 * Says in what the origin of a file's owner differs from ours, for a warning of root's; empty where it does not. What one
 * of both does not tell is no difference. Pure.
 */
export function differencesOf(owner: Origin, ours: Origin): string[] {
  const kinds = [
    ['another host', owner.host, ours.host],
    ['another boot of the machine', owner.bootId, ours.bootId],
    ['another user namespace', owner.userNamespace, ours.userNamespace],
    ['another mount namespace', owner.mountNamespace, ours.mountNamespace],
  ] as const;
  return kinds
    .filter(([, theirs, own]) => theirs && own && theirs !== own)
    .map(([what, theirs, own]) => `${what} (${theirs}, here ${own})`);
}

function namespace(kind: 'user' | 'mnt'): string | undefined {
  return unlessRefused(() => readlinkSync(`/proc/self/ns/${kind}`), undefined);
}
