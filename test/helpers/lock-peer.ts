import { closeSync, openSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { nativeAddon, type NativeFailure, nativeMode, nativeScheme } from '#dist/lock/native.js';
import { startChild } from './child.ts';

export type Mode = keyof typeof nativeMode;
export type Scheme = keyof typeof nativeScheme;

export type LockCommand =
  | { op: 'open'; path: string }
  | { op: 'set'; fd: number; mode: Mode; scheme: Scheme }
  | { op: 'close'; fd: number };

/** What the addon does with a command, wherever this runs. */
export function obey(command: LockCommand): number | boolean | NativeFailure | undefined {
  switch (command.op) {
    case 'open':
      return openSync(command.path, 'r+');
    case 'set':
      return nativeAddon().setFileLock(command.fd, nativeMode[command.mode], nativeScheme[command.scheme]);
    case 'close':
      closeSync(command.fd);
      return undefined;
  }
}

/** Somebody with descriptors and locks: this thread, another process, a worker thread. */
export class LockPeer {
  readonly #ask: (command: LockCommand) => Promise<unknown>;

  constructor(ask: (command: LockCommand) => Promise<unknown>) {
    this.#ask = ask;
  }

  async open(path: string): Promise<number> {
    return (await this.#ask({ op: 'open', path })) as number;
  }

  /** The addon's answer. */
  async set(fd: number, mode: Mode, scheme: Scheme): Promise<boolean | NativeFailure> {
    return (await this.#ask({ op: 'set', fd, mode, scheme })) as boolean | NativeFailure;
  }

  async close(fd: number): Promise<void> {
    await this.#ask({ op: 'close', fd });
  }
}

export function peerInThisThread(): LockPeer {
  return new LockPeer(async command => obey(command));
}

/** @param descriptors - what the process inherits, as its 4, 5, … */
export function peerInProcess(t: TestContext, descriptors: readonly number[] = []): LockPeer {
  const child = startChild(t, 'lock-peer', { descriptors });
  return new LockPeer(command => child.ask(command));
}

export function peerInWorker(t: TestContext): LockPeer {
  const worker = new Worker(new URL('../fixtures/lock-worker.js', import.meta.url));
  t.after(() => worker.terminate());
  return new LockPeer(
    command =>
      new Promise((resolve, reject) => {
        worker.once('error', reject);
        worker.once('message', answer => {
          worker.off('error', reject);
          resolve(answer);
        });
        worker.postMessage(command);
      }),
  );
}
