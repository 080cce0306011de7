/** Faults that last are told once. One that comes again after it was mended is told again. */
export class ToldFaults {
  readonly #tell: (message: string) => void;
  readonly #told = new Set<string>();

  constructor(tell: (message: string) => void) {
    this.#tell = tell;
  }

  tell(message: string): void {
    if (!this.#told.has(message)) this.#tell(`deferred-sweep: ${message}`);
    this.#told.add(message);
  }

  mended(): void {
    this.#told.clear();
  }
}
