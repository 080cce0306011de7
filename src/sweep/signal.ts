/** Wakes all waiters when something has changed. */
export class Signal {
  #waiting: (() => void)[] = [];

  async next(): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push(resolve);
    });
  }

  notify(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
