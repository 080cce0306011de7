import { readFileSync } from 'node:fs';

/**
 * True if a module at `url`, in a directory of a directory of this package's root, is where it was installed. False
 * where a bundler made it a part of another file: `url` is then that file's, or what the bundler put in its place.
 */
export function isInPackage(url: string | undefined): boolean {
  if (url === undefined) return false;
  try {
    const { name } = JSON.parse(readFileSync(new URL('../../package.json', url), 'utf8')) as {
      name?: unknown;
    };
    return name === 'deferred-sweep';
  } catch {
    // No such file, or none that tells a name: whatever it is, it is not this package's.
    return false;
  }
}
