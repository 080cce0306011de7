/** The jobs of a manager that have not ended. */
import { closeAtSignal } from './close-at-signal.ts';

export class OpenJobs<Job extends { close(): Promise<unknown> }> implements Iterable<Job> {
  readonly #jobs = new Set<Job>();
  readonly #onSignal: (() => void) | undefined;
  /** Takes the listener for signals away, which is there while a job is open. */
  #ignoreSignals: (() => void) | undefined;
  #isDying = false;

  /** @param onSignal - called when SIGINT or SIGTERM ends the jobs, and then this process; undefined: they do not end them */
  constructor(onSignal: (() => void) | undefined) {
    this.#onSignal = onSignal;
  }

  /** A signal ends this process: no sweep is begun any more. */
  get isDying(): boolean {
    return this.#isDying;
  }

  add(job: Job): void {
    this.#jobs.add(job);
    if (this.#onSignal) this.#ignoreSignals ??= closeAtSignal(() => this.#endAtSignal());
  }

  delete(job: Job): void {
    this.#jobs.delete(job);
    if (this.#jobs.size > 0) return;
    this.#ignoreSignals?.();
    this.#ignoreSignals = undefined;
  }

  [Symbol.iterator](): Iterator<Job> {
    return this.#jobs.values();
  }

  /** Sweeps are left as they are: they may be killed at any moment. */
  async #endAtSignal(): Promise<void> {
    this.#isDying = true;
    this.#onSignal?.();
    await Promise.all([...this.#jobs].map(job => job.close()));
  }
}
