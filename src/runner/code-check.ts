/** Checks the owners of functions' code: once for a row of functions of one module, if other users cannot change the answer. */
import { performance } from 'node:perf_hooks';
import type { FunctionDescriptor } from '../function/descriptor.ts';
import { codePathsOf } from '../function/module/code-path.ts';
import { checkUnchangedOwners } from '../trust/code-owners.ts';
import type { Trust } from '../trust/trust.ts';

/** An answer holds so long: as if the function had been called a moment earlier. */
const ANSWER_HOLDS_MS = 10;

export class CodeCheck {
  readonly #trust: Trust;
  #asked: string | undefined;
  #untilMs = 0;

  constructor(trust: Trust) {
    this.#trust = trust;
  }

  /** @param owners - at registration */
  check(descriptor: FunctionDescriptor, owners: readonly number[]): void {
    const code = codePathsOf(descriptor);
    const question = code.map(({ path }) => path).join('\0');
    const nowMs = performance.now();
    if (question === this.#asked && nowMs < this.#untilMs) return;
    // Another function ran since, and may have changed the answer.
    this.#asked = undefined;
    const isOurs = code.map(({ what, path }) => checkUnchangedOwners(what, path, owners, this.#trust));
    // No other user owns any of it, so it does not matter who did at registration.
    if (isOurs.length > 0 && !isOurs.includes(false)) this.#asked = question;
    this.#untilMs = nowMs + ANSWER_HOLDS_MS;
  }
}
