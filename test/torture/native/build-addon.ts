/** The addon compiled as native/addon.gypi says, with other flags, or from sources that were tampered with. */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runInNewContext } from 'node:vm';

interface Target {
  readonly sources: readonly string[];
  readonly defines: readonly string[];
  readonly cflags: readonly string[];
  readonly cflags_cc: readonly string[];
  readonly ldflags: readonly string[];
}

/** What to put in the place of which words of a source, which must be there. */
export interface Tampering {
  readonly source: string;
  readonly words: string;
  readonly by: string;
}

const BECOME_USER = 'native/become_user.c';
const NO_MEMORY_LIMIT = { words: 'limit(RLIMIT_DATA, kMaxDataBytes, "limit memory");', by: '' };
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const target = readTarget();

/** Why the addon cannot be compiled here; undefined where it can. */
export function compilerMissing(): string | undefined {
  return spawnSync('g++', ['--version']).status === 0 ? undefined : 'NOT TESTED: g++ is not installed';
}

/** A compiler's object files and what is linked of them, in a directory of its own. */
export class AddonBuild {
  readonly #directory: string;
  readonly #flags: readonly string[];
  readonly #objects = new Map<string, Promise<string>>();
  #tampered = 0;

  constructor(directory: string, flags: readonly string[]) {
    this.#directory = directory;
    this.#flags = flags;
  }

  /** Returns the path of the addon. What was not tampered with is compiled once. */
  async link(name: string, tampering?: Tampering): Promise<string> {
    const objects = await Promise.all(
      target.sources.map(source =>
        source === tampering?.source ? this.#tamper(tampering) : this.#object(source),
      ),
    );
    const addon = join(this.#directory, `${name}.node`);
    await gcc([...this.#flags, ...target.ldflags, '-shared', ...objects, '-o', addon]);
    return addon;
  }

  /** Returns the path of the program that becomes a user, without its limit of memory: sanitizers map terabytes. */
  async linkBecomeUser(name: string, ...tamperings: Omit<Tampering, 'source'>[]): Promise<string> {
    let text = readFileSync(join(ROOT, BECOME_USER), 'utf8');
    for (const { words, by } of [NO_MEMORY_LIMIT, ...tamperings]) {
      if (!text.includes(words)) throw new Error(`${BECOME_USER} has no ${words} any more`);
      text = text.replace(words, by);
    }
    const source = join(this.#directory, `${name}.c`);
    const program = join(this.#directory, name);
    writeFileSync(source, text);
    const flags = this.#flags.filter(flag => !flag.includes('vptr'));
    await promisify(execFile)('gcc', [
      '-g',
      '-O1',
      '-fno-omit-frame-pointer',
      ...flags,
      source,
      '-o',
      program,
    ]);
    return program;
  }

  #object(source: string): Promise<string> {
    let object = this.#objects.get(source);
    if (object === undefined) {
      object = this.#compile(join(ROOT, source), basename(source));
      this.#objects.set(source, object);
    }
    return object;
  }

  async #tamper({ source, words, by }: Tampering): Promise<string> {
    const text = readFileSync(join(ROOT, source), 'utf8');
    if (!text.includes(words)) throw new Error(`${source} has no ${words} any more`);
    const name = `${this.#tampered++}-${basename(source)}`;
    const path = join(this.#directory, name);
    writeFileSync(path, text.replace(words, by));
    return await this.#compile(path, name);
  }

  async #compile(path: string, name: string): Promise<string> {
    const object = join(this.#directory, `${name}.o`);
    const nodeDirectory = process.env.npm_config_nodedir ?? dirname(dirname(process.execPath));
    await gcc([
      ...['-c', '-fPIC', '-g', '-O1', '-fno-omit-frame-pointer', ...this.#flags],
      ...target.cflags.filter(flag => flag !== '-Werror'), // sanitizers make the compiler see ghosts
      ...target.cflags_cc,
      ...[...target.defines, 'NODE_GYP_MODULE_NAME=deferred_sweep'].map(define => `-D${define}`),
      ...['-I', join(ROOT, 'native')],
      ...[join(nodeDirectory, 'include', 'node'), addonApi()].flatMap(headers => ['-isystem', headers]),
      ...[path, '-o', object],
    ]);
    return object;
  }
}

async function gcc(args: readonly string[]): Promise<void> {
  await promisify(execFile)('g++', args);
}

function addonApi(): string {
  const { include_dir } = createRequire(import.meta.url)('node-addon-api') as { include_dir: string };
  return include_dir;
}

/** A gyp file is JavaScript's literals with another comment sign. */
function readTarget(): Target {
  const text = readFileSync(join(ROOT, 'native/addon.gypi'), 'utf8').replaceAll(/^\s*#.*$/gm, '');
  const { sources, ...rest } = runInNewContext(`(${text})`) as Target;
  return { ...rest, sources: sources.map(source => `native/${source}`) };
}
