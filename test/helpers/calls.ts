/** Deferred functions for probing: what ran, in which order, how often, can be read in a ledger, an append-only file. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { DeferredFunction, type Job, type Registration } from '#dist/index.js';
import { EVENT_FD } from '#dist/runner/protocol.js';

/** A function to register. Each but `append` writes `text` into the ledger first, then goes wrong in its own way. */
export type Call =
  | { readonly do: 'append'; readonly text: string }
  | { readonly do: 'throw'; readonly text: string; readonly message: string }
  | { readonly do: 'exit'; readonly text: string; readonly code: number }
  | { readonly do: 'signal'; readonly text: string; readonly signal: NodeJS.Signals }
  | { readonly do: 'hang-busy' | 'hang-idle' | 'eat-memory'; readonly text: string }
  /** As an orphan's: ends its runner over a line to the sweeper, a piece of which is written. */
  | { readonly do: 'die-speaking'; readonly text: string }
  /** Opens a FIFO for reading: waits for a writer, then writes `text` and `-end`. */
  | { readonly do: 'wait-for-fifo'; readonly text: string; readonly fifo: string }
  /** Writes the pid of the process that runs it. */
  | { readonly do: 'pid' }
  /** Writes `text` and the value of a variable of its environment. */
  | { readonly do: 'environment'; readonly text: string; readonly variable: string }
  /** Writes its working directory and the value of `globalThis.hooked`. */
  | { readonly do: 'surroundings'; readonly text: string }
  | { readonly do: 'module'; readonly module: string; readonly export: string; readonly text: string };

/** Registers `call` with a job whose probes write to `ledger`. */
export function register(job: Job, call: Call, ledger: string): Registration {
  switch (call.do) {
    case 'append':
      return job.defer(appendFileSync, ledger, `${call.text}\n`);
    case 'throw':
      return job.defer(
        async (path: string, text: string, message: string) => {
          (await import('node:fs')).appendFileSync(path, text);
          throw new Error(message);
        },
        ledger,
        `${call.text}\n`,
        call.message,
      );
    case 'exit':
      return job.defer(
        async (path: string, text: string, code: number) => {
          (await import('node:fs')).appendFileSync(path, text);
          process.exit(code);
        },
        ledger,
        `${call.text}\n`,
        call.code,
      );
    case 'signal':
      return job.defer(
        async (path: string, text: string, signal: string) => {
          (await import('node:fs')).appendFileSync(path, text);
          process.kill(process.pid, signal);
          // A signal to oneself may take a moment to arrive.
          await new Promise(() => setInterval(() => {}, 1000));
        },
        ledger,
        `${call.text}\n`,
        call.signal,
      );
    case 'die-speaking':
      return job.defer(
        async (path: string, text: string, fd: number) => {
          const fs = await import('node:fs');
          fs.appendFileSync(path, text);
          fs.writeSync(fd, '{"kind":"ran","file":"func","re');
          process.kill(process.pid, 'SIGKILL');
        },
        ledger,
        `${call.text}\n`,
        EVENT_FD,
      );
    case 'hang-busy':
      return job.defer(
        async (path: string, text: string) => {
          (await import('node:fs')).appendFileSync(path, text);
          for (;;);
        },
        ledger,
        `${call.text}\n`,
      );
    case 'hang-idle':
      return job.defer(
        async (path: string, text: string) => {
          (await import('node:fs')).appendFileSync(path, text);
          await new Promise(() => {});
        },
        ledger,
        `${call.text}\n`,
      );
    case 'eat-memory':
      return job.defer(
        async (path: string, text: string) => {
          (await import('node:fs')).appendFileSync(path, text);
          for (const eaten: Uint8Array[] = []; ; ) eaten.push(new Uint8Array(2 ** 24).fill(1));
        },
        ledger,
        `${call.text}\n`,
      );
    case 'wait-for-fifo':
      return job.defer(
        async (path: string, text: string, fifo: string) => {
          const fs = await import('node:fs');
          fs.appendFileSync(path, `${text}\n`);
          await fs.promises.readFile(fifo);
          fs.appendFileSync(path, `${text}-end\n`);
        },
        ledger,
        call.text,
        call.fifo,
      );
    case 'pid':
      return job.defer(async (path: string) => {
        (await import('node:fs')).appendFileSync(path, `${process.pid}\n`);
      }, ledger);
    case 'environment':
      return job.defer(
        async (path: string, text: string, variable: string) => {
          (await import('node:fs')).appendFileSync(path, `${text} ${process.env[variable]}\n`);
        },
        ledger,
        call.text,
        call.variable,
      );
    case 'surroundings':
      return job.defer(
        async (path: string, text: string) => {
          const hooked = String(Reflect.get(globalThis, 'hooked'));
          let cwd = 'nowhere';
          try {
            cwd = process.cwd();
          } catch {}
          (await import('node:fs')).appendFileSync(path, `${text} ${cwd} ${hooked}\n`);
        },
        ledger,
        call.text,
      );
    case 'module':
      return job.defer(
        DeferredFunction.of({ module: call.module, export: call.export }, ledger, `${call.text}\n`),
      );
  }
}

/** The lines of a ledger, in the order in which functions wrote them; none if none did. */
export function read(ledger: string): string[] {
  return existsSync(ledger) ? readFileSync(ledger, 'utf8').split('\n').slice(0, -1) : [];
}
