import { fileURLToPath, pathToFileURL } from 'node:url';
import { currentDirectory } from './current-directory.ts';
import type { Script } from './inspector.ts';

/** A URL whose directory is what specifiers in the functions of a script are relative to. */
export function urlOf({ url }: Script): string {
  if (url.startsWith('data:') || (url.startsWith('file:') && isPath(url))) return url;
  // `[eval]`, `[stdin]`, `evalmachine.<anonymous>`, or nothing: such code resolves from the working directory.
  return pathToFileURL(url.startsWith('/') ? url : `${currentDirectory()}/[eval]`).href;
}

/** What of a URL, or a path written like one, names the file. */
export function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/, '');
}

/** Whether a `file:` URL names a file of this machine; whoever compiles a text may call it what he likes. */
export function isPath(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { host, pathname } = new URL(url);
  return host === '' && !/%2f|%00/i.test(pathname);
}

/**
 * A URL or path as two names of one file can be compared: V8's inspector writes URLs otherwise than `pathToFileURL` does
 * (`~ [ ] ^ |` as they are, line breaks left out, `\` as `/`). The code of a `data:` URL may have any characters in it.
 */
export function comparablePath(urlOrPath: string): string {
  if (urlOrPath.startsWith('data:')) return urlOrPath;
  const path =
    urlOrPath.startsWith('file:') && isPath(urlOrPath) ? fileURLToPath(withoutQuery(urlOrPath)) : urlOrPath;
  return path.replaceAll(/[\n\r\t]/g, '').replaceAll('\\', '/');
}
