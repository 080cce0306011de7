import assert from 'node:assert/strict';
import test from 'node:test';
import { printable, printableJson } from '#dist/printable.js';

/** First and last of each range of characters that a terminal obeys instead of showing. */
const ranges: [first: number, last: number][] = [
  [0x00, 0x1f], // C0, with line ends
  [0x7f, 0x9f], // DEL and C1
  [0xad, 0xad], // soft hyphen
  [0x61c, 0x61c], // Arabic letter mark
  [0x180e, 0x180e],
  [0x200b, 0x200f], // without width, left-to-right and right-to-left marks
  [0x2028, 0x202e], // separators, embeddings and overrides
  [0x2060, 0x2064],
  [0x2066, 0x206f], // isolates
  [0xd800, 0xdfff], // surrogates without their other half
  [0xfeff, 0xfeff], // byte order mark
  [0xfff9, 0xfffb],
  [0xe0001, 0xe0001], // language tag
  [0xe0020, 0xe007f], // tags
];
const hidden = ranges.flatMap(([first, last]) =>
  Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index)),
);
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

test('every character that is obeyed instead of shown is escaped, alone and between others', () => {
  for (const character of hidden) {
    const shown = printable(`a${character}b`);
    assert.match(shown, /^a(\\[nrt]|(\\u[0-9a-f]{4}){1,2})b$/, JSON.stringify(character));
    // The escape says which it was.
    assert.equal(JSON.parse(`"${shown}"`), `a${character}b`);
  }
});

test('text of any script, emoji and backslashes stay as they are', () => {
  for (const text of ['rm -rf "/tmp/ä b"', 'очистка', '片付け', 'تنظيف', '😀', 'C:\\new', '']) {
    assert.equal(printable(text), text);
  }
});

test('JSON has no such character either, and parses to what was put in', () => {
  const value = { [hidden.join('')]: hidden, nested: ['ä😀', { text: '\\u202e' }], number: 1 };
  const json = printableJson(value);
  assert.doesNotMatch(json, unprintable);
  assert.deepEqual(JSON.parse(json), value);
});
