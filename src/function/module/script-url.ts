import { fileURLToPath, pathToFileURL } from 'node:url';
import { currentDirectory } from '../current-directory.ts';
import type { Script } from '../inspector/inspector.ts';

/** A URL whose directory is what specifiers in the functions of a script are relative to. */
export function urlOf({ url }: Script): string {
  if (url.startsWith('data:') || isPath(url)) return url;
  // `[eval]`, `[stdin]`, `evalmachine.<anonymous>`, or nothing: such code resolves from the working directory.
  return pathToFileURL(url.startsWith('/') ? url : `${currentDirectory()}/[eval]`).href;
}

/** What of a URL, or a path written like one, names the file. */
export function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/, '');
}

/** Whether a URL names a file of this machine; a program may call a text that it compiles anything. */
function isPath(url: string): boolean {
  if (!url.startsWith('file:') || !URL.canParse(url)) return false;
  const { host, pathname } = new URL(url);
  return host === '' && !/%2f|%00/i.test(pathname);
}

/** Paths by URL: to make one takes longer than all else of a registration but its write(2). */
const paths = new Map<string, string | undefined>();
const MOST_PATHS = 1_000;

/** The path in a `file:` URL; undefined for any other URL, and for one that names no file of this machine. */
export function filePathOf(url: string): string | undefined {
  if (!url.startsWith('file:')) return undefined;
  if (paths.size >= MOST_PATHS) paths.clear();
  if (!paths.has(url)) paths.set(url, isPath(url) ? fileURLToPath(withoutQuery(url)) : undefined);
  return paths.get(url);
}

/**
 * A URL or path as two names of one file can be compared: V8's inspector writes URLs otherwise than `pathToFileURL` does
 * (`~ [ ] ^ |` as they are, line breaks left out, `\` as `/`). The code of a `data:` URL may have any characters in it.
 */
export function comparablePath(urlOrPath: string): string {
  if (urlOrPath.startsWith('data:')) return urlOrPath;
  return (filePathOf(urlOrPath) ?? urlOrPath).replaceAll(/[\n\r\t]/g, '').replaceAll('\\', '/');
}
