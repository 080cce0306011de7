/** Telling a function of a module from another one in its place. */
import { readFileSync } from 'node:fs';
import zlib from 'node:zlib';
import { unlessRefused } from '../../errors.ts';
import type { ModuleDescriptor } from '../descriptor.ts';
import { readScript, type Script } from '../inspector/inspector.ts';
import { filePathOf } from './script-url.ts';

const { crc32 } = zlib;

/**
 * The checksums of a function and its file. Where a loader has made another text of the file, as it may again, there are
 * none; `require` then has to load what it loaded.
 */
export function traitsOf(fn: object, script: Script): Pick<ModuleDescriptor, 'text' | 'file' | 'required'> {
  const file = readModule(script.url);
  if (file === undefined || file.toString() !== readScript(script))
    return script.isModule ? {} : { required: true };
  return { text: crc32(Function.prototype.toString.call(fn)), file: crc32(file) };
}

export function hasText(fn: object, { text }: ModuleDescriptor): boolean {
  return crc32(Function.prototype.toString.call(fn)) === text;
}

export function isUnchanged({ module, file }: ModuleDescriptor): boolean {
  const now = readModule(module);
  return now !== undefined && crc32(now) === file;
}

/** The bytes of a module's file; undefined where it has none that can be read. */
export function readModule(url: string): Buffer | undefined {
  const path = filePathOf(url);
  return path === undefined ? undefined : unlessRefused(() => readFileSync(path), undefined);
}
