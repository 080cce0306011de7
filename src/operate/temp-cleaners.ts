/**
 * Programs that would take state files away, because they are old or at boot: systemd-tmpfiles, tmpreaper, tmpwatch. Read from
 * their configuration. What systemd-tmpfiles removes for its age is not told of: state files are sticky, and it leaves those.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isErrorNamed, unlessRefused } from '../errors.ts';

/** What each of them does at a place, in words. @param root - of the file system whose configuration is read */
export function tempCleanersAt(place: string, root = '/'): readonly string[] {
  return [tmpfilesAt, tmpreaperAt, tmpwatchAt].flatMap(look => look(place, root) ?? []);
}

/** Of the same name the first is read. */
const TMPFILES = ['etc/tmpfiles.d', 'run/tmpfiles.d', 'usr/local/lib/tmpfiles.d', 'usr/lib/tmpfiles.d'];
/** Types of lines that remove at boot: the contents of the path, and the path. */
const REMOVED_AT_BOOT = 'DRr';
/** Types that leave a path alone. */
const EXCLUDED = 'xX';

function tmpfilesAt(place: string, root: string): string | undefined {
  const lines = tmpfilesLines(root).filter(({ path }) => covers(path, place));
  if (lines.some(({ type }) => EXCLUDED.includes(type))) return undefined;
  const boot = lines.find(({ type }) => REMOVED_AT_BOOT.includes(type));
  return boot && `systemd-tmpfiles empties ${boot.path} at boot (${boot.file})`;
}

function tmpfilesLines(
  root: string,
): { readonly file: string; readonly type: string; readonly path: string }[] {
  const files = new Map<string, string>();
  for (const directory of TMPFILES) {
    const names = unlessRefused(() => readdirSync(join(root, directory)), []);
    for (const name of names)
      if (name.endsWith('.conf') && !files.has(name)) files.set(name, join(root, directory, name));
  }
  return [...files.values()].flatMap(file =>
    Array.from(textOf(file).matchAll(/^[ \t]*([a-z])\S*[ \t]+(\/\S*)/gim), ([, type = '', path = '']) => {
      return { file, type, path };
    }),
  );
}

/** Debian's: it does nothing before its warning is taken out. */
function tmpreaperAt(place: string, root: string): string | undefined {
  const file = join(root, 'etc/tmpreaper.conf');
  const text = textOf(file);
  const value = (name: string): string =>
    new RegExp(`^\\s*${name}=['"]?([^'"\\n]*)`, 'm').exec(text)?.[1] ?? '';
  const nearest = (name: string): string | undefined =>
    value(name)
      .split(/\s+/)
      .find(path => covers(path, place));
  const directory = nearest('TMPREAPER_DIRS');
  if (value('SHOWWARNING') === 'true' || nearest('TMPREAPER_PROTECT_EXTRA') !== undefined) return undefined;
  return (
    directory &&
    `tmpreaper removes what is older than ${value('TMPREAPER_TIME') || '7d'} in ${directory} (${file}), state files of jobs that still run included; name ${place} in TMPREAPER_PROTECT_EXTRA`
  );
}

/** A script that calls it; `-x` and `-X` keep paths. */
function tmpwatchAt(place: string, root: string): string | undefined {
  const file = join(root, 'etc/cron.daily/tmpwatch');
  const words = textOf(file)
    .split('\n')
    .filter(line => !line.trim().startsWith('#'))
    .flatMap(line => line.split(/[\s;]+/));
  const isKept = (at: number): boolean => ['-x', '-X', '--exclude'].includes(words[at - 1] ?? '');
  const nearest = (areKept: boolean): string | undefined =>
    words.find((word, at) => isKept(at) === areKept && covers(word, place));
  const directory = nearest(false);
  if (directory === undefined || nearest(true) !== undefined) return undefined;
  return `tmpwatch removes what is old in ${directory} (${file}), state files of jobs that still run included; give it -x ${place}`;
}

/** Whether a path, perhaps a pattern of glob(7), is the place or above it. `%` begins what only systemd knows. */
function covers(path: string, place: string): boolean {
  if (!path.startsWith('/') || path.includes('%')) return false;
  const plain = path.replace(/\/(\.|\*)?$/, '');
  if (plain === '') return path === '/';
  const pattern = plain
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]')
    .replaceAll('[!', '[^');
  try {
    return new RegExp(`^${pattern}(/|$)`).test(place);
  } catch (error) {
    // A range from z to a, or one without an end.
    if (!isErrorNamed(error, 'SyntaxError')) throw error;
    return false;
  }
}

function textOf(file: string): string {
  return unlessRefused(() => readFileSync(file, 'utf8'), '');
}
