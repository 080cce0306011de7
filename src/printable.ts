/** Text that others wrote, made safe to print. Pure. */

/**
 * Control characters with line ends, DEL and C1; format characters, among them the marks that turn the direction of
 * writing and those without width; line and paragraph separators; halves of surrogate pairs.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Nearly every text. Much faster to see than that no character of the other classes is in it. */
const PLAIN = /^[\x20-\x7e]*$/;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * The text as one line in which every character is seen: what moves the cursor, begins a line, colours, hides or
 * reorders is written as an escape of JavaScript, such as `\u001b`.
 */
export function printable(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(UNPRINTABLE, character => SHORT[character] ?? escaped(character));
}

/** Lines, each ended, in which {@link printable} has made everything seen. */
export function printableLines(lines: readonly string[]): string {
  return lines.map(line => `${printable(line)}\n`).join('');
}

/** `JSON.stringify(value)`, with the characters escaped that {@link printable} escapes. It parses to the same. */
export function printableJson(value: unknown): string {
  // Outside of its strings JSON has no such character; the line ends and halves in them it has escaped itself.
  const text = JSON.stringify(value);
  return PLAIN.test(text) ? text : text.replace(UNPRINTABLE, escaped);
}

/** A wrong value, as messages show it. Never throws, as `String()` does for an object without prototype. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  return Array.isArray(value) ? 'an array' : 'an object';
}

/** A wrong list, as messages show it: its first wrong element. */
export function shownList(value: unknown, isRight: (element: unknown) => boolean): string {
  return Array.isArray(value) ? `one with ${shown(value.find(element => !isRight(element)))}` : shown(value);
}

/** By UTF-16 units, as JSON has it. */
function escaped(character: string): string {
  const units = character.split('').map(unit => unit.charCodeAt(0).toString(16).padStart(4, '0'));
  return units.map(unit => `\\u${unit}`).join('');
}

/** One word for a POSIX shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
