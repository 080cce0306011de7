/** Tells whether the environment of this process was changed, without a look at each variable. */
import { nativeAddon } from '../lock/native.ts';

interface NativeEnvironment {
  /** Copies the entries as they lie there, as far as they fit, and returns how many bytes they have in all. */
  copyEnvironment(into: Buffer): number;
}

/** The environment at one moment. Only for the main thread: others have a copy of their own in `process.env`. */
export class EnvironmentCopy {
  #copy: Buffer = Buffer.alloc(0);
  #now: Buffer = Buffer.alloc(0);

  /** Takes the environment as it is now. */
  take(): void {
    this.#copy = Buffer.from(this.#read());
  }

  /** True if the environment is, byte for byte, what was taken last. */
  get isCurrent(): boolean {
    return this.#read().equals(this.#copy);
  }

  /** Valid until the next call. */
  #read(): Buffer {
    const { copyEnvironment } = nativeAddon<NativeEnvironment>();
    for (;;) {
      const length = copyEnvironment(this.#now);
      if (length <= this.#now.length) return this.#now.subarray(0, length);
      this.#now = Buffer.alloc(2 * length);
    }
  }
}
