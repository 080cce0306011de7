/** A program in a mount namespace whose /proc is empty, as in a chroot or a container that has none. */
import { spawnSync } from 'node:child_process';

const command = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh'] as const;
const [program, ...args] = command;

export const withoutProc = {
  /** What a command line begins with. */
  command,
  missing:
    spawnSync(program, [...args, 'true']).status === 0
      ? false
      : 'NOT TESTED: /proc cannot be hidden here; needs root and unshare of util-linux',
};
