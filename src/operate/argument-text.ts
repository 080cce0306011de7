/** Stored arguments as text for people. Pure. */
import { diagnose } from '../value/diagnostic.ts';

const MAX_ARGUMENT_TEXT = 120;

/** The arguments in diagnostic notation, cut short; without the brackets of their list where nothing was cut. */
export function argumentText(bytes: Uint8Array): string {
  const text = diagnose(bytes, MAX_ARGUMENT_TEXT);
  return text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
}
