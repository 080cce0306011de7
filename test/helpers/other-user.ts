/** Whether processes of other users can run what is tested. */
import { spawnSync } from 'node:child_process';
import { commandLinePath } from './command-line.ts';

export const NOBODY = 65_534;

/** For the `skip` option: false, or why no other user can run this Node and this checkout. */
export const notForOthers: string | false = ((): string | false => {
  if (process.getuid?.() !== 0) return 'NOT TESTED: only root can become another user';
  const { status } = spawnSync(process.execPath, [commandLinePath, '--version'], {
    uid: NOBODY,
    gid: NOBODY,
    cwd: '/',
    stdio: 'ignore',
  });
  return status === 0 ? false : 'NOT TESTED: this checkout, or this Node, is not for others to read';
})();
