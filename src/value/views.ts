/**
 * Views of bytes in a tree under construction. What of a buffer is stored shows only when all views of it are known: then
 * each gets its form.
 *
 * - a view that shares its buffer with nothing else in the value: the bytes it shows
 * - views that share a buffer: the buffer, with offset and length, as structuredClone has them
 * - Buffers, of which Node puts many into one buffer: the bytes they show; shared are only those that overlap
 */
import types from 'node:util/types';
import { special } from './codec.ts';
import { viewNameOf } from './made-as.ts';
import { hasExtraProperties, refusalOfExtra } from './own-properties.ts';
import type { ValuePath } from './value-path.ts';

interface ViewForm {
  readonly view: ArrayBufferView;
  /** `[kind, …]`, what follows to be filled in. */
  readonly form: unknown[];
}

/** What the tree does with the item of an object. */
export interface ItemPlaces {
  /** Whether an object itself is part of the value. */
  isMet(object: object): boolean;
  /** Puts another item in the place of the one that was made for it. */
  replace(object: object, item: unknown): void;
  /** The index of its item in the table of shared objects, to which it is moved. */
  share(object: object): number;
  /** The same for an item that no object has. */
  add(item: unknown): number;
}

export class Views {
  readonly #byBuffer = new Map<ArrayBufferLike, ViewForm[]>();

  /** The form of a view or buffer, to be filled by {@link fill}. @throws what `path` refuses */
  add(value: ArrayBufferView | ArrayBuffer, path: ValuePath): unknown[] {
    const isView = ArrayBuffer.isView(value);
    const buffer = isView ? value.buffer : value;
    if (types.isSharedArrayBuffer(buffer)) throw path.refusalOf(buffer);
    if ((buffer as { resizable?: boolean }).resizable === true)
      throw path.refusal(
        'it is a resizable buffer, or a view of one',
        'pass a copy of fixed length, value.slice()',
      );
    if (isDetached(buffer))
      throw path.refusal(
        'its buffer is detached: the bytes were transferred',
        'pass it before that, or pass a copy',
      );
    if (!isView) return ['ArrayBuffer', new Uint8Array(buffer)];
    if (hasExtraProperties(value)) {
      const name = Object.keys(value).find(key => String(Number(key)) !== key) ?? 'property';
      throw refusalOfExtra(path, 'a view of bytes', name);
    }
    const form: unknown[] = [viewNameOf(value)];
    const known = this.#byBuffer.get(buffer);
    if (known === undefined) this.#byBuffer.set(buffer, [{ view: value, form }]);
    else known.push({ view: value, form });
    return form;
  }

  /** Fills all forms. */
  fill(places: ItemPlaces): void {
    for (const [buffer, views] of this.#byBuffer) {
      if (places.isMet(buffer)) place(views, special(places.share(buffer)), 0);
      else if (views.every(({ form }) => form[0] === 'Buffer')) fillBuffers(views, buffer, places);
      else if (views.length > 1)
        place(views, special(places.add(special(['ArrayBuffer', new Uint8Array(buffer)]))), 0);
      else fillAlone(views[0]!, places);
    }
  }
}

/** A view that nothing else shares bytes with is stored as the bytes it shows: those around them may be another value's. */
function fillAlone({ view, form }: ViewForm, places: ItemPlaces): void {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  if (form[0] === 'Uint8Array') places.replace(view, bytes);
  else form.push(bytes);
}

function fillBuffers(views: ViewForm[], buffer: ArrayBufferLike, places: ItemPlaces): void {
  views.sort((one, other) => one.view.byteOffset - other.view.byteOffset);
  let group: ViewForm[] = [];
  let end = 0;
  const close = () => {
    const start = group[0]!.view.byteOffset;
    const bytes = new Uint8Array(buffer, start, end - start);
    if (group.length === 1) group[0]!.form.push(bytes);
    else place(group, special(places.add(special(['ArrayBuffer', bytes]))), start);
  };
  for (const entry of views) {
    if (group.length > 0 && entry.view.byteOffset >= end) {
      close();
      group = [];
    }
    group.push(entry);
    end = Math.max(end, entry.view.byteOffset + entry.view.byteLength);
  }
  close();
}

/** @param start - where in the buffer what `item` holds begins */
function place(views: readonly ViewForm[], item: unknown, start: number): void {
  for (const { view, form } of views) {
    const length = types.isTypedArray(view) ? view.length : view.byteLength;
    form.push(item, view.byteOffset - start, length);
  }
}

/** Whether the bytes of a buffer are gone; `detached` is there since Node 21. */
function isDetached(buffer: ArrayBufferLike): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    void new Uint8Array(buffer);
    return false;
  } catch {
    // A TypeError, of this or another realm: nothing else comes from a buffer of no bytes.
    return true;
  }
}
