/** What root uses for others: paths on which only root decides, and the programs that it starts. */
import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DeferredSweepError } from '../errors.ts';
import { isOnMusl } from '../lock/c-library.ts';
import { NOTHING_MORE } from '../trust/trust.ts';
import { walkJudged } from '../trust/trusted-path.ts';
import type { Way } from '../trust/way.ts';

/** Of the package. A bundler looks for each file that is named in a URL, and an installation lacks some of these. */
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COMPILED = join(ROOT, 'build/Release/become_user');
const PREBUILT = join(ROOT, `prebuilds/${process.platform}-${process.arch}/become_user`);
const COMMAND_LINE = join(ROOT, 'dist/cli/start.cjs');

export type Programs = Readonly<Record<'becomeUser' | 'node' | 'commandLine', string>>;

/** @throws DeferredSweepError `DEFERRED_ADDON_MISSING`, `DEFERRED_UNSAFE_FILE`, `DEFERRED_UNSUPPORTED` */
export function findPrograms(): Programs {
  if (!isAbsolute(process.execPath)) {
    throw new DeferredSweepError(
      'DEFERRED_UNSUPPORTED',
      'cannot sweep for all users: without /proc Node does not know where it is; mount /proc',
    );
  }
  // A program, unlike an addon, names its loader. That of musl is static, and looks users up in /etc/passwd as musl does.
  const becomeUser = existsSync(COMPILED) ? COMPILED : `${PREBUILT}${isOnMusl() ? '_musl' : ''}`;
  if (!existsSync(becomeUser)) {
    throw new DeferredSweepError(
      'DEFERRED_ADDON_MISSING',
      `cannot become another user: neither ${COMPILED} nor ${becomeUser} exists; compile it as docs/installing.md says`,
    );
  }
  return {
    becomeUser: rootsOwn(becomeUser),
    node: rootsOwn(process.execPath),
    commandLine: rootsOwn(COMMAND_LINE),
  };
}

/** The path without links. */
function rootsOwn(path: string): string {
  const refuse = (why: string): never => {
    throw new DeferredSweepError(
      'DEFERRED_UNSAFE_FILE',
      `cannot start ${path} for other users: ${why}; install it where only root can write`,
      { path },
    );
  };
  const { end, resolved } = rootsWay(path, refuse);
  return end?.stat.isFile() ? resolved : refuse('it is not a file');
}

/** The way to what root uses for others: each step is root's, and only root can change it. No option names more as trusted. */
export function rootsWay(path: string, refuse: (what: string, advice: string) => never): Way {
  return walkJudged(path, NOTHING_MORE, (distrust, step) => {
    if (distrust) refuse(distrust.what, distrust.advice);
    if (step === undefined || step.stat.uid === 0) return;
    const name = step.path === path ? 'it' : step.path;
    refuse(`${name} does not belong to root`, 'use a place that root has made');
  });
}
