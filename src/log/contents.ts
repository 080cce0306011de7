import { isSweepersNonce } from './nonce.ts';
import type { ClaimRecord, HeaderRecord, StateRecord } from './records.ts';
import { RegisteredFunction } from './registered-function.ts';

/** A state file's records, applied in order. Its users build it from the bytes, and apply the marks that they write. */
export class StateContents {
  header: HeaderRecord | undefined;
  /** By id, in order of registration. */
  readonly functions: Map<number, RegisteredFunction> = new Map();
  /** The last claim. */
  claim: ClaimRecord | undefined;
  /** True if a sweeper's claim is the last record: its runner is about to claim, or the sweeper died. */
  isHandedOver = false;
  /** The end of the last whole record. */
  lengthBytes = 0;
  tornBytes = 0;
  damagedBytes = 0;

  /** Functions that may still run, in the order the owner asked for. */
  pending(): RegisteredFunction[] {
    const pending = [...this.functions.values()].filter(registered => registered.isPending);
    return this.header?.order === 'lifo' ? pending.reverse() : pending;
  }

  /** True if every byte is a readable record of this header's file. */
  isWholeOf({ salt }: HeaderRecord): boolean {
    return (
      this.damagedBytes === 0 && this.header !== undefined && Buffer.compare(this.header.salt, salt) === 0
    );
  }

  /** All records but the header and claims, in an equivalent order. */
  records(): StateRecord[] {
    return [...this.functions.values()].flatMap(({ record, marks, isCancelled }) => [
      record,
      ...marks,
      ...(isCancelled ? [{ kind: 'cancel', id: record.id } as const] : []),
    ]);
  }

  /** @param offset - where in the file the record begins */
  apply(record: StateRecord, offset?: number): void {
    this.isHandedOver = record.kind === 'claim' && isSweepersNonce(record.nonce);
    switch (record.kind) {
      case 'header':
        this.header ??= record;
        break;
      case 'defer':
        if (!this.functions.has(record.id)) this.functions.set(record.id, new RegisteredFunction(record));
        break;
      case 'claim':
        this.claim = record;
        break;
      default:
        this.functions.get(record.id)?.apply(record, offset);
    }
  }
}
