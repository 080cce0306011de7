/** The job around a program: what is registered with it, by the wrapper and from inside. */

import { deferEnd } from '../../actions/by-name.ts';
import { describeMarked, type MarkedProcesses } from '../../actions/end-processes.ts';
import { createToken, withToken } from '../../actions/token.ts';
import { DeferredFunction } from '../../function/deferred-function.ts';
import type { Job, Registration } from '../../job/job.ts';
import type { JobAnswer, JobCommand, JobRequest } from './job-channel.ts';

const KILL_GRACE_MS = 5000;

/**
 * A job that runs what was registered last first. What ends the program's tree stays the last registered, so that it is
 * the first to run, also when a sweep runs it: nothing is removed under a process that still uses it.
 */
export class ExecJob {
  readonly #job: Job;
  readonly #registrations = new Map<number, Registration>();
  readonly #marked: MarkedProcesses | undefined;
  #end: Registration | undefined;

  constructor(job: Job, isKillTree: boolean) {
    this.#job = job;
    if (!isKillTree) return;
    this.#marked = describeMarked(createToken(), KILL_GRACE_MS);
    this.#end = job.defer(deferEnd(this.#marked));
  }

  /** `env` with what finds the program's tree. */
  mark(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return this.#marked === undefined ? env : withToken(env, this.#marked.token);
  }

  /** @throws as `job.defer` */
  defer({ file, argv, cwd, env }: JobCommand): number {
    const registration = this.#job.defer(DeferredFunction.command(file, argv, { cwd, env: { ...env } }));
    this.#registrations.set(registration.id, registration);
    if (this.#marked !== undefined) {
      // First the new one: at no moment is there none.
      const before = this.#end;
      this.#end = this.#job.defer(deferEnd(this.#marked));
      before?.cancel();
    }
    return registration.id;
  }

  /** What a program inside of the job asks for. @throws as `job.defer` and `registration.cancel` */
  answer(request: JobRequest): JobAnswer {
    if (request.op === 'cancel') {
      const registration = this.#registrations.get(request.id);
      return { isCancelled: registration?.cancel() ?? false };
    }
    return { id: this.defer(request) };
  }

  /** Resolves when nothing of the program's tree is left; the end of the job tries again what failed. */
  async endTree(): Promise<void> {
    await this.#end?.run();
  }
}
