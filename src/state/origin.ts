/**
 * The origin of a process: host, boot and namespaces. They decide what user ids, paths and process ids mean.
 */
import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { unlessRefused } from '../errors.ts';
import { bootId } from '../lock/boot.ts';

export interface Origin {
  readonly host: string;
  /** `null` if the system does not tell. */
  readonly bootId: string | null;
  /** As namespaces(7) names them, such as `user:[4026531837]`; `undefined` if the system does not tell. */
  readonly userNamespace?: string | undefined;
  readonly mountNamespace?: string | undefined;
}

/** The origin of this process. */
export function here(): Origin {
  return {
    host: hostname(),
    bootId: bootId(),
    userNamespace: namespace('user'),
    mountNamespace: namespace('mnt'),
  };
}

/**
 * Says how the origin of a file's owner differs from ours, for a warning to root; empty if it does not. A part that one
 * of them does not tell is no difference. Pure.
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
