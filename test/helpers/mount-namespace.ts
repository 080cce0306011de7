/** A program in a mount namespace of its own, as in a container. */
import { spawnSync } from 'node:child_process';

/** What a command line begins with. @param mount - of a shell: what is mounted before */
export function withMounts(mount: string): string[] {
  return ['unshare', '-m', 'sh', '-c', `${mount} && exec "$@"`, 'sh'];
}

/** /proc is empty, as in a chroot. */
export const withoutProc = withMounts('mount -t tmpfs none /proc');

const [program, ...args] = withoutProc;

/** For the `skip` option: false, or why there are no such namespaces. */
export const noMounts: string | false =
  spawnSync(program!, [...args, 'true']).status === 0
    ? false
    : 'NOT TESTED: nothing can be mounted here; needs root and unshare of util-linux';
