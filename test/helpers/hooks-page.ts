/** The lines of docs/hooks.md: tests run what the page says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './command-line.ts';

const page = readFileSync(join(packageRoot, 'docs/hooks.md'), 'utf8');

/**
 * The first block of a section, or the first one behind `after` in it.
 * @param after - text of the page that comes before the block
 */
export function hookBlock(section: string, after = ''): string {
  const [, text = ''] = page.split(`\n## ${section}\n`);
  const [own = ''] = text.split(/\n## /);
  const from = own.indexOf(after);
  assert.ok(from >= 0, `${section} does not say ${after}`);
  const [, block] = /```\w*\n(.*?)```/s.exec(own.slice(from)) ?? [];
  return block ?? assert.fail(`no block in ${section} after ${after}`);
}
