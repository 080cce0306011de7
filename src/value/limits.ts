/** The largest record of a state file, in bytes: nothing larger is written, and nothing larger is decoded. */
export const MAX_RECORD_BYTES: number = 16 * 1024 * 1024;

/** The largest encoded value: leaves 64 KiB of a record for what stands around it (function, options, frame). */
export const MAX_VALUE_BYTES: number = MAX_RECORD_BYTES - 64 * 1024;

/**
 * How many CBOR items one decoding may give, map keys and tags counted too. The smallest items, one byte each, take 50
 * to 200 bytes of memory when decoded: 16 MiB of them would end a process with the default heap, this many do not.
 */
export const MAX_ITEMS: number = 1024 * 1024;

/**
 * How deeply CBOR arrays, maps and tags may nest, each counting one level. Decoding is recursive, about 200 bytes of
 * stack a level; this leaves most of the default stack (984 KiB) to a caller deep inside a program.
 */
export const MAX_DEPTH = 512;

/**
 * How many levels may stand above an object in what `snapshot` writes. Less than {@link MAX_DEPTH} by what such an
 * object may still need: two levels of a table of shared objects, three of its own, two of a special leaf in it.
 */
export const MAX_VALUE_DEPTH: number = MAX_DEPTH - 7;
