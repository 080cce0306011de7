/** Orders in which the environments of a process load the addon, use it and go. */
import type { Exit } from '../../helpers/child.ts';
import type { Act, End } from './doomed-thread.ts';

export type Step =
  | `thread ${Act}`
  /** The last thread. */
  | `thread is told to ${End}`
  | 'thread is terminated'
  /** As it begins to end by itself. */
  | 'thread is terminated twice while it exits'
  | `main ${'loads' | 'locks' | 'opens' | 'ends' | 'exits' | 'throws' | 'rejects' | 'waits'}`
  | 'main locks while it exits'
  /** In a context of node:vm, by the functions of this context, and by an addon loaded for that one. */
  | 'context locks'
  | 'everything is free'
  | 'something is held';

export interface Row {
  readonly steps: readonly Step[];
  readonly exit: Exit;
}

/** What `main exits` passes to process.exit(). */
export const EXIT_CODE = 7;

const ends = { code: 0, signal: null };
const exits = { code: EXIT_CODE, signal: null };
const throws = { code: 1, signal: null };

export const rows: readonly Row[] = [
  { steps: ['thread loads', 'thread is terminated', 'main ends'], exit: ends },
  { steps: ['thread opens', 'thread is terminated', 'everything is free', 'main ends'], exit: ends },
  {
    steps: ['thread locks', 'something is held', 'thread is terminated', 'everything is free', 'main ends'],
    exit: ends,
  },
  { steps: ['thread locks', 'thread is told to exit', 'everything is free', 'main ends'], exit: ends },
  { steps: ['thread locks', 'thread is told to throw', 'everything is free', 'main ends'], exit: ends },
  {
    steps: ['thread locks', 'thread is terminated twice while it exits', 'everything is free', 'main ends'],
    exit: ends,
  },
  { steps: ['thread nests', 'thread is terminated', 'everything is free', 'main ends'], exit: ends },
  { steps: ['thread relocks', 'thread is terminated', 'everything is free', 'main ends'], exit: ends },
  { steps: ['thread fails', 'thread is terminated', 'main ends'], exit: ends },
  { steps: ['thread is refused', 'thread is terminated', 'main ends'], exit: ends },
  {
    // The addon is unloaded in between, where the system does that, and main comes last.
    steps: [
      'thread locks',
      'thread is terminated',
      'thread locks',
      'thread is terminated',
      'main locks',
      'main ends',
    ],
    exit: ends,
  },
  {
    steps: [
      'main locks',
      'thread locks',
      'context locks',
      'thread is terminated',
      'context locks',
      'main exits',
    ],
    exit: exits,
  },
  { steps: ['context locks', 'main ends'], exit: ends },
  { steps: ['main opens', 'main locks', 'main exits'], exit: exits },
  { steps: ['main locks', 'main throws'], exit: throws },
  { steps: ['main locks', 'main rejects'], exit: throws },
  { steps: ['main locks while it exits', 'main exits'], exit: exits },
  { steps: ['main locks while it exits', 'main throws'], exit: throws },
  // Main ends all its threads, wherever they are.
  { steps: ['thread locks', 'thread nests', 'thread opens', 'main exits'], exit: exits },
  { steps: ['thread relocks', 'thread relocks', 'main exits'], exit: exits },
  { steps: ['thread fails', 'thread is refused', 'main exits'], exit: exits },
  { steps: ['main locks', 'thread relocks', 'thread is refused', 'main throws'], exit: throws },
  // The handler of the watchdog's signal belongs to the process: it is there when the thread that set it is not.
  {
    steps: ['thread arms', 'thread is told to exit', 'main waits'],
    exit: { code: null, signal: 'SIGKILL' },
  },
];
