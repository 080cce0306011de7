/**
 * Programs that remove what is old, or all of it at boot, and whether they come to a state directory: systemd-tmpfiles,
 * tmpreaper, tmpwatch. Read from their configuration.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isErrorNamed, unlessRefused } from '../errors.ts';

/** What one of them does at a place. */
export interface TempCleaner {
  /** In words, with the file that says so. */
  readonly text: string;
  /** It would take state files. */
  readonly takesStateFiles: boolean;
}

/** @param root - of the file system whose configuration is read @defaultValue '/' */
export function tempCleanersAt(place: string, root = '/'): readonly TempCleaner[] {
  return [...tmpfilesAt(place, root), ...tmpreaperAt(place, root), ...tmpwatchAt(place, root)];
}

/** Of the same name the first is read. */
const TMPFILES = ['etc/tmpfiles.d', 'run/tmpfiles.d', 'usr/local/lib/tmpfiles.d', 'usr/lib/tmpfiles.d'];
/** Types of lines whose age is that of what lies in their path. */
const AGED = 'dDevqQ';
/** Types that remove at boot: the contents of the path, and the path. */
const REMOVED_AT_BOOT = 'DRr';
/** Types that leave a path alone. */
const EXCLUDED = 'xX';

interface TmpfilesLine {
  readonly file: string;
  readonly type: string;
  readonly path: string;
  readonly age: string;
}

function tmpfilesAt(place: string, root: string): TempCleaner[] {
  const lines = tmpfilesLines(root).filter(({ path }) => covers(path, place));
  if (lines.some(({ type }) => EXCLUDED.includes(type))) return [];
  const cleaners: TempCleaner[] = [];
  const boot = lines.find(({ type }) => REMOVED_AT_BOOT.includes(type));
  if (boot)
    cleaners.push({
      text: `systemd-tmpfiles empties ${boot.path} at boot (${boot.file})`,
      takesStateFiles: true,
    });
  // The line of the nearest directory counts.
  const [aged] = lines
    .filter(({ type, age }) => AGED.includes(type) && age !== '-' && age !== '')
    .sort((one, other) => other.path.length - one.path.length);
  if (aged)
    cleaners.push({
      text: `systemd-tmpfiles removes what is older than ${aged.age} in ${aged.path} (${aged.file}), but no state files: they are sticky`,
      takesStateFiles: process.platform !== 'linux',
    });
  return cleaners;
}

function tmpfilesLines(root: string): TmpfilesLine[] {
  const files = new Map<string, string>();
  for (const directory of TMPFILES) {
    const names = unlessRefused(() => readdirSync(join(root, directory)), []);
    for (const name of names)
      if (name.endsWith('.conf') && !files.has(name)) files.set(name, join(root, directory, name));
  }
  return [...files.values()].flatMap(file =>
    textOf(file)
      .split('\n')
      .map(line => line.trim().split(/\s+/))
      .filter(([type = '', path = '']) => /^[A-Za-z]/.test(type) && path.startsWith('/'))
      .map(([type = '', path = '', , , , age = '-']) => ({ file, type: type[0]!, path, age })),
  );
}

/** Debian's: it does nothing before its warning is taken out. */
function tmpreaperAt(place: string, root: string): TempCleaner[] {
  const file = join(root, 'etc/tmpreaper.conf');
  const text = textOf(file);
  const value = (name: string): string =>
    new RegExp(`^\\s*${name}=['"]?([^'"\\n]*)`, 'm').exec(text)?.[1] ?? '';
  if (text === '' || value('SHOWWARNING') === 'true') return [];
  const directory = value('TMPREAPER_DIRS')
    .split(/\s+/)
    .find(path => path !== '' && covers(path, place));
  if (directory === undefined || isNamed(value('TMPREAPER_PROTECT_EXTRA').split(/\s+/), place)) return [];
  return [
    {
      text: `tmpreaper removes what is older than ${value('TMPREAPER_TIME') || '7d'} in ${directory} (${file}), state files of jobs that still run included; name ${place} in TMPREAPER_PROTECT_EXTRA`,
      takesStateFiles: true,
    },
  ];
}

/** A script that calls it; `-x` and `-X` keep paths. */
function tmpwatchAt(place: string, root: string): TempCleaner[] {
  const file = join(root, 'etc/cron.daily/tmpwatch');
  const words = textOf(file)
    .split('\n')
    .filter(line => !line.trim().startsWith('#'))
    .flatMap(line => line.split(/[\s;]+/));
  const isKept = (at: number): boolean => ['-x', '-X', '--exclude'].includes(words[at - 1] ?? '');
  if (
    isNamed(
      words.filter((_, at) => isKept(at)),
      place,
    )
  )
    return [];
  const directory = words.find((word, at) => word.startsWith('/') && !isKept(at) && covers(word, place));
  if (directory === undefined) return [];
  return [
    {
      text: `tmpwatch removes what is old in ${directory} (${file}), state files of jobs that still run included; give it -x ${place}`,
      takesStateFiles: true,
    },
  ];
}

function isNamed(paths: readonly string[], place: string): boolean {
  return paths.some(path => path.startsWith('/') && covers(path, place));
}

/** Whether a path, perhaps a pattern of glob(7), is the place or above it. `%` begins what only systemd knows. */
function covers(path: string, place: string): boolean {
  if (path.includes('%')) return false;
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
