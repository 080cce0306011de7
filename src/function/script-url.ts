import { pathToFileURL } from 'node:url';
import type { Script } from './inspector.ts';

/** A URL whose directory is what specifiers in the functions of a script are relative to. */
export function urlOf({ url }: Script): string {
  if (url.startsWith('data:') || (url.startsWith('file:') && isPath(url))) return url;
  // `[eval]`, `[stdin]`, `evalmachine.<anonymous>`, or nothing: such code resolves from the working directory.
  return pathToFileURL(url.startsWith('/') ? url : `${process.cwd()}/[eval]`).href;
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
