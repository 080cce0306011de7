/** What Node cannot pass on as it is: it has replaced what is not UTF-8. Where the system does not tell, all is believed. */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { unlessRefused } from '../errors.ts';

export function isCommandLineTextual(): boolean {
  return isUtf8(given('cmdline'));
}

/** Names of variables of the environment whose values are not UTF-8. */
export function changedVariables(): readonly string[] {
  const bytes = given('environ');
  if (isUtf8(bytes)) return [];
  const pairs = bytes.toString('latin1').split('\0');
  return pairs.filter(pair => !isUtf8(Buffer.from(pair, 'latin1'))).map(pair => pair.split('=')[0]!);
}

function given(what: 'cmdline' | 'environ'): Buffer {
  return unlessRefused(() => readFileSync(`/proc/self/${what}`), Buffer.alloc(0));
}
