/**
 * Whether text comes back from CBOR as it was: without lone surrogates, for which there is no UTF-8, and without a
 * byte order mark in front, which the decoder takes off text longer than 64 bytes.
 */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && text.charCodeAt(0) !== BYTE_ORDER_MARK;
}

const BYTE_ORDER_MARK = 0xfeff;
