import { encode, special } from '#dist/value/codec.js';
import { MAX_DEPTH, MAX_ITEMS, MAX_RECORD_BYTES } from '#dist/value/limits.js';

/** As many whole copies of some bytes, under an array header, as a record may hold or have items. */
function arrayOf(hex: string, itemsEach: number): Buffer {
  const each = Buffer.from(hex, 'hex');
  const count = Math.floor(Math.min((MAX_RECORD_BYTES - 5) / each.length, (MAX_ITEMS - 1) / itemsEach));
  const header = Buffer.from([0x9a, 0, 0, 0, 0]);
  header.writeUInt32BE(count, 1);
  return Buffer.concat([header, Buffer.alloc(count * each.length, each)]);
}

const nested = (hex: string): Buffer => Buffer.alloc(1_000_000, hex, 'hex');
const special_ = (...content: unknown[]): string => encode(special(content)).toString('hex');
const empty = new Uint8Array(0);

/** Bytes that make a general decoder hang, run out of memory or of stack, or do something clever. */
export const hostileSamples: Record<string, () => Uint8Array> = {
  'an array of 2^32-1 elements': () => Buffer.from('9affffffff', 'hex'),
  'an array of 2^64-1 elements': () => Buffer.from('9bffffffffffffffff', 'hex'),
  'a map of 2^32-1 entries': () => Buffer.from('baffffffff', 'hex'),
  'text of 4 GiB': () => Buffer.from('7affffffff', 'hex'),
  'bytes of 2^53': () => Buffer.from('5b0020000000000000', 'hex'),
  'a million arrays in each other': () => nested('81'),
  'a million maps in each other': () => nested('a16161'),
  'a million tags in each other': () => nested('d9def5'),
  'a million indefinite arrays in each other': () => nested('9f'),
  'arrays in each other that each declare what is left': () => nested('9a000f0000'),
  'a bignum of 1 MiB': () => Buffer.concat([Buffer.from('c25a00100000', 'hex'), Buffer.alloc(1 << 20, 1)]),
  'a negative bignum of 1 MiB': () =>
    Buffer.concat([Buffer.from('c35a00100000', 'hex'), Buffer.alloc(1 << 20, 1)]),
  'a generic object Function': () => Buffer.from('d81b826846756e6374696f6e6872657475726e2031', 'hex'),
  'a shared reference': () => Buffer.from('d81c81d81d00', 'hex'),
  'a record definition': () => Buffer.from('d9dfff8319e000816161f5', 'hex'),
  'bundled strings': () => Buffer.from('d9dff9821a000000016161', 'hex'),
  'a packed table': () => Buffer.from('d833848161618080e0', 'hex'),
  'shared structures': () => Buffer.from('da5368726401', 'hex'),
  'the self-describe tag': () => Buffer.from('d9d9f701', 'hex'),
  'a simple value 24': () => Buffer.from('f818', 'hex'),
  'a break': () => Buffer.from('ff', 'hex'),
  'an indefinite array': () => Buffer.from('9f01ff', 'hex'),
  'indefinite text': () => Buffer.from('7f6161ff', 'hex'),
  'a reserved form': () => Buffer.concat([Buffer.of(0xfc), Buffer.alloc(16)]),
  'one level too deep': () => Buffer.concat([Buffer.alloc(MAX_DEPTH, 0x81), Buffer.of(0x80)]),
  'text that is not UTF-8': () => Buffer.from('61ff', 'hex'),
  'text that is a surrogate': () => Buffer.from('63eda080', 'hex'),
  'overlong UTF-8': () => Buffer.from('62c080', 'hex'),
  'a key "__proto__"': () => encode(JSON.parse('{"__proto__": {"polluted": 1}}')),
  'a key that is a number': () => Buffer.from('a10101', 'hex'),
  'a key that is a special': () => Buffer.from('a1d9def50001', 'hex'),
  'integers beyond 2^53': () => Buffer.from('1b0020000000000000', 'hex'),
  'a record too long by a byte': () => {
    const bytes = new Uint8Array(MAX_RECORD_BYTES + 1);
    bytes.set([0x5a, 0x00, 0xff, 0xff, 0xfc]);
    return bytes;
  },
  'an item too many': () => {
    const bytes = Buffer.alloc(5 + MAX_ITEMS);
    bytes[0] = 0x9a;
    bytes.writeUInt32BE(MAX_ITEMS, 1);
    return bytes;
  },
  'nothing at all': () => empty,
};

/** The largest bytes of each kind that are taken, and that must not take more time and memory than there is. */
export const dearSamples: Record<string, () => Uint8Array> = {
  'arrays as deep as they get': () => Buffer.concat([Buffer.alloc(MAX_DEPTH - 1, 0x81), Buffer.of(0x80)]),
  'empty arrays': () => arrayOf('80', 1),
  'empty objects': () => arrayOf('a0', 1),
  'empty bytes': () => arrayOf('40', 1),
  'short text': () => arrayOf('62c3a9', 1),
  'objects of one property': () => arrayOf('a1616101', 3),
  'arrays in arrays': () => arrayOf('818181818181818180', 9),
  'a bigint of 16 MiB': () => encode(special(['bigint', 'f'.repeat(MAX_RECORD_BYTES - 100)])),
  'a regular expression of 16 MiB': () =>
    encode(special(['RegExp', 'a'.repeat(MAX_RECORD_BYTES - 100), '', 0])),
  'a regular expression of groups': () => encode(special(['RegExp', '('.repeat(1e6), '', 0])),
  'a regular expression that would run for ever': () => encode(special(['RegExp', '(a*)*b', '', 0])),
  Maps: () => arrayOf(special_('Map'), 3),
  Buffers: () => arrayOf(special_('Buffer', empty), 4),
  errors: () => arrayOf(special_('Error', 'Error', {}, {}), 6),
  'references to references': () =>
    encode(
      special(['shared', special(0), ...Array.from({ length: 100_000 }, (_, i) => [special(i + 1)]), []]),
    ),
  'a list as long as it gets': () =>
    encode(
      special([
        'shared',
        special(0),
        ...Array.from({ length: 250_000 }, (_, i) => [special((i + 1) % 250_000)]),
      ]),
    ),
  'keys that are spread integers': () =>
    encode(Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [String(4294967294 - i * 1031), 0]))),
  'keys in the hundred thousands': () =>
    encode(Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [i.toString(36), 0]))),
};
Object.assign(hostileSamples, dearSamples);
