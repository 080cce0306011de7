/** A copy of the package that has another addon in the place of the built one, so that the product needs no switch for it. */
import { copyFileSync, cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Copied, not linked: Node takes a module to be where its real path is, and so would look for the addon there. */
export function copyPackage(directory: string, addon: string): void {
  for (const name of ['package.json', 'native', 'dist', 'dist-test'])
    cpSync(join(ROOT, name), join(directory, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  mkdirSync(join(directory, 'build', 'Release'), { recursive: true });
  replaceAddon(directory, addon);
}

/** The program that becomes a user, in the place of the built one. */
export function replaceBecomeUser(directory: string, program: string): void {
  copyFileSync(program, join(directory, 'build', 'Release', 'become_user'));
}

export function replaceAddon(directory: string, addon: string): void {
  copyFileSync(addon, join(directory, 'build', 'Release', 'deferred_sweep.node'));
}
