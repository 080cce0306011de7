/** What can become of a state file's bytes: by a dying disk, a stranger, or somebody who knows the format. */

import { encodeFrame } from '#dist/log/frame.js';
import { encode } from '#dist/value/codec.js';
import type { Random } from '../random.ts';
import type { CorpusFile } from './corpus.ts';

export interface Mutated {
  readonly how: string;
  readonly bytes: Buffer;
  /** True for records made up with a good checksum and the file's own salt: nothing tells them from real ones. */
  readonly isForged: boolean;
}

type Mutation = (file: CorpusFile, other: CorpusFile, random: Random) => Buffer;

/** Accidents, and what somebody can do without the file's salt. */
const ACCIDENTS: Readonly<Record<string, Mutation>> = {
  cut: ({ frames }, _, random) => {
    const bytes = Buffer.concat(frames);
    return bytes.subarray(0, random.whole(0, bytes.length));
  },
  'bits flipped': ({ frames }, _, random) => {
    const bytes = Buffer.concat(frames);
    for (let flips = random.whole(1, 8); flips > 0; flips--) {
      bytes[random.whole(0, bytes.length - 1)]! ^= 1 << random.whole(0, 7);
    }
    return bytes;
  },
  'a stretch overwritten': ({ frames }, _, random) => {
    const bytes = Buffer.concat(frames);
    const from = random.whole(0, bytes.length - 1);
    const value = random.pick([0, 0xff, 0xd9, random.whole(0, 255)]);
    return bytes.fill(value, from, Math.min(bytes.length, from + random.whole(1, 600)));
  },
  'a stretch removed': ({ frames }, _, random) => {
    const bytes = Buffer.concat(frames);
    const from = random.whole(0, bytes.length);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + random.whole(1, 100))]);
  },
  'a stretch doubled': ({ frames }, _, random) => {
    const bytes = Buffer.concat(frames);
    const from = random.whole(0, bytes.length);
    const to = Math.min(bytes.length, from + random.whole(1, 3000));
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  },
  'zeros at the end': ({ frames }, _, random) =>
    Buffer.concat([...frames, Buffer.alloc(random.whole(1, 5000))]),
  'records swapped': ({ frames }, _, random) => {
    const swapped = [...frames];
    const [a, b] = [random.whole(0, frames.length - 1), random.whole(0, frames.length - 1)];
    [swapped[a], swapped[b]] = [swapped[b]!, swapped[a]!];
    return Buffer.concat(swapped);
  },
  'records missing or doubled': ({ frames }, _, random) =>
    Buffer.concat(frames.flatMap(frame => Array<Buffer>(random.pick([0, 1, 1, 1, 2])).fill(frame))),
  'records of another file': ({ frames }, other, random) => {
    const mixed = [...frames];
    for (let more = random.whole(1, 4); more > 0; more--) {
      mixed.splice(random.whole(0, mixed.length), 0, random.pick(other.frames));
    }
    return Buffer.concat(mixed);
  },
  "another file's end": ({ frames }, other, random) => {
    const [ours, theirs] = [Buffer.concat(frames), Buffer.concat(other.frames)];
    return Buffer.concat([
      ours.subarray(0, random.whole(0, ours.length)),
      theirs.subarray(random.whole(0, theirs.length)),
    ]);
  },
  'lengths inflated': ({ frames }, _, random) => {
    const changed = frames.map(frame => Buffer.from(frame));
    const frame = random.pick(changed);
    frame.writeUInt32BE(
      random.pick([0, 1, 0xffff_ffff, 0x7fff_ffff, frame.length, random.whole(0, 1e6)]),
      10,
    );
    return Buffer.concat(changed);
  },
  'heads without bodies': ({ frames }, _, random) => {
    const heads = Array.from({ length: random.whole(1, 400) }, () =>
      frames[0]!.subarray(0, random.whole(5, 14)),
    );
    return Buffer.concat([frames[0]!, ...heads, ...frames.slice(1)]);
  },
  // Looking for the next frame would checksum each of them to its end, if that had no budget.
  'heads that reach to the end': ({ frames }, _, random) => {
    const count = random.chance(0.01) ? 120_000 : random.whole(1, 60);
    const tail = Buffer.alloc(count * 14, Buffer.from('d9d9f7821a000000005a00000000', 'hex'));
    for (let at = 0; at < tail.length; at += 14) tail.writeUInt32BE(tail.length - at - 14, at + 10);
    return Buffer.concat([...frames, Buffer.of(0xff), tail]);
  },
  noise: (_, __, random) =>
    Buffer.from(Array.from({ length: random.whole(0, 300) }, () => random.whole(0, 255))),
};

/** What somebody can do who has read the file: frames that are whole and ours, of records that are not. */
const FORGERIES: Readonly<Record<string, Mutation>> = {
  'a record with bytes changed': ({ frames }, _, random) => {
    const payload = Buffer.from(random.pick(frames).subarray(14));
    for (let changes = random.whole(1, 6); changes > 0; changes--) {
      payload[random.whole(0, payload.length - 1)] = random.whole(0, 255);
    }
    return Buffer.concat([...frames, encodeFrame(payload)]);
  },
  'a record of other types': ({ frames, salt }, _, random) => {
    const fields =
      'kind id name function arguments registeredAtEpochMs delivery timeoutMs maxAttempts attempt final error';
    const record: Record<string, unknown> = {
      kind: random.pick(['defer', 'cancel', 'start', 'done', 'header', 'x']),
      salt,
    };
    for (const name of fields.split(' ').slice(1))
      if (random.chance(0.7)) record[name] = hostileTree(random, 4);
    return Buffer.concat([...frames, encodeFrame(encode(record))]);
  },
  'a function of other types': ({ frames, salt }, _, random) => {
    const kind = random.pick(['module', 'source', 'command', 'x', 7]);
    const tree: Record<string, unknown> = { kind };
    const fields =
      'module export source strict variables links provided closure file argv cwd env url line column';
    for (const name of fields.split(' ')) if (random.chance(0.8)) tree[name] = hostileTree(random, 3);
    const record = {
      ...deferTemplate,
      id: random.whole(1, 99),
      function: tree,
      arguments: Buffer.from([0x80]),
      salt,
    };
    return Buffer.concat([...frames, encodeFrame(encode(record))]);
  },
  'a payload of hostile CBOR': ({ frames }, _, random) => {
    const opening = random.pick([0x81, 0xa1, 0x9f, 0xbf, 0xd9, 0xc1, 0x7f, 0x5f, 0x9b, 0xbb, 0x7b, 0xdb]);
    const payload = Buffer.alloc(random.whole(1, 3000), opening);
    return Buffer.concat([...frames, encodeFrame(payload)]);
  },
  'arguments of hostile CBOR': ({ frames, salt }, _, random) => {
    const bytes = Buffer.from(Array.from({ length: random.whole(0, 200) }, () => random.whole(0, 255)));
    bytes[0] = random.pick([0x80, 0x81, 0x84, 0x9f, 0xd9, 0x9a]);
    const record = { ...deferTemplate, id: random.whole(1, 99), arguments: bytes, salt };
    return Buffer.concat([...frames, encodeFrame(encode(record))]);
  },
};

const deferTemplate = {
  kind: 'defer',
  name: 'forged',
  function: { kind: 'module', module: 'file:///nowhere.mjs', export: 'default' },
  registeredAtEpochMs: 1,
  delivery: 'at-least-once',
  timeoutMs: 0,
  maxAttempts: 1,
};

function hostileTree(random: Random, depth: number): unknown {
  const leaf = random.pick<unknown>([
    0,
    -1,
    1,
    2 ** 53,
    1.5,
    Number.NaN,
    '',
    'at-least-once',
    '__proto__',
    null,
    true,
    Buffer.alloc(9),
  ]);
  if (depth === 0 || random.chance(0.4)) return leaf;
  const children = Array.from({ length: random.whole(0, 4) }, () => hostileTree(random, depth - 1));
  if (random.chance(0.5)) return children;
  const names = ['__proto__', 'constructor', 'kind', 'links', 'references', 'values', 'x'];
  const tree: Record<string, unknown> = Object.create(null);
  for (const child of children) tree[random.pick(names)] = child;
  return tree;
}

export function mutate(files: readonly CorpusFile[], random: Random): Mutated {
  const isForged = random.chance(0.3);
  const from = isForged ? FORGERIES : ACCIDENTS;
  const how = random.pick(Object.keys(from));
  return { how, bytes: from[how]!(random.pick(files), random.pick(files), random), isForged };
}
