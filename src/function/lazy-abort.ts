/** An AbortController whose signal is made when a function asks for it. Most functions do not, and take less time than that. */
export class LazyAbort {
  #controller: AbortController | undefined;
  #isAborted = false;
  #reason: unknown;

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#isAborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get isAborted(): boolean {
    return this.#isAborted;
  }

  /** What {@link abort} was first called with. */
  get reason(): unknown {
    return this.#reason;
  }

  abort(reason?: unknown): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}

/** Who is aborted with a signal. One listener for all: to add and remove one for each function costs more than most do. */
const followers = new WeakMap<AbortSignal, Set<LazyAbort>>();

/** Aborts it when the signal is aborted, with its reason, or at once if it was. Returns what ends that. */
export function abortWith(signal: AbortSignal, follower: LazyAbort): () => void {
  if (signal.aborted) follower.abort(signal.reason);
  const all = followers.get(signal) ?? new Set();
  if (!followers.has(signal)) {
    followers.set(signal, all);
    signal.addEventListener('abort', () => {
      for (const one of all) one.abort(signal.reason);
    });
  }
  all.add(follower);
  return () => all.delete(follower);
}
