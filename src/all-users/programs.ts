/** The programs that root starts: by absolute paths on which only root decides. */
import { existsSync, realpathSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DeferredSweepError } from '../errors.ts';
import { isOnMusl } from '../lock/c-library.ts';
import { NOTHING_MORE } from '../trust/trust.ts';
import { WayJudge } from '../trust/trusted-path.ts';
import { walk } from '../trust/way.ts';

/** Of the package. A bundler looks for each file that is named in a URL, and an installation lacks some of these. */
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COMPILED = join(ROOT, 'build/Release/become_user');
const PREBUILT = join(ROOT, `prebuilds/${process.platform}-${process.arch}/become_user`);
const COMMAND_LINE = join(ROOT, 'dist/cli/start.cjs');

export interface Programs {
  readonly becomeUser: string;
  readonly node: string;
  readonly commandLine: string;
}

/** @throws DeferredSweepError `DEFERRED_ADDON_MISSING`, `DEFERRED_UNSAFE_FILE`, `DEFERRED_UNSUPPORTED` */
export function findPrograms(): Programs {
  if (!isAbsolute(process.execPath)) {
    throw new DeferredSweepError(
      'DEFERRED_UNSUPPORTED',
      'cannot sweep for all users: without /proc Node does not know where it is; mount /proc',
    );
  }
  const becomeUser = existsSync(COMPILED) ? COMPILED : prebuilt();
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

/** A program, unlike an addon, names its loader. That of musl is static, and looks users up in /etc/passwd as musl does. */
function prebuilt(): string {
  return isOnMusl() ? `${PREBUILT}_musl` : PREBUILT;
}

/** The path without links, once each directory on the way and the file itself are seen to be root's alone. */
function rootsOwn(path: string): string {
  const why = distrust(path);
  if (why === undefined) return realpathSync(path);
  throw new DeferredSweepError(
    'DEFERRED_UNSAFE_FILE',
    `cannot start ${path} for other users: ${why}; install it where only root can write`,
    { path },
  );
}

function distrust(path: string): string | undefined {
  // No option names root's own programs as trusted.
  const judge = new WayJudge(NOTHING_MORE);
  let why: string | undefined;
  const way = walk(path, step => {
    why ??= judge.refuseStep(step)?.what;
    if (step.stat.uid !== 0) why ??= `${step.path} does not belong to root`;
  });
  if (!way.end?.stat.isFile()) return 'it is not a file';
  return why ?? judge.refuseMounts(way)?.what;
}
