import { readFileSync } from 'node:fs';

/**
 * True if a file at `url`, two directories below this package's root, is where it was installed. False if a bundler made
 * it a part of another file: `url` is then that file's, or one that the bundler made up.
 */
export function isInPackage(url: string | undefined): boolean {
  if (url === undefined) return false;
  try {
    const { name } = JSON.parse(readFileSync(new URL('../../package.json', url), 'utf8')) as {
      name?: unknown;
    };
    return name === 'deferred-sweep';
  } catch {
    // No package.json, or one without a name. It is not this package's.
    return false;
  }
}
