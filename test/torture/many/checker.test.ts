/** The checker of `many.test.ts` finds what must not happen, and lets pass what the promises allow. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Checker } from './checker.ts';
import type { Findings } from './findings.ts';
import type { Event, Line } from './log.ts';

const [OWNER, RUNNER, OTHER] = ['10:1/0', '20:1/0', '30:1/0'];

/** A line at a time, an event a line: what each counter is to find. */
class Log {
  readonly #lines: Line[] = [];
  #ms = 0;

  constructor(options: Partial<Extract<Event, { e: 'opened' }>> = {}, functions = 2) {
    const opened = { order: 'fifo', delivery: 'at-least-once', timeoutMs: 0, maxAttempts: 1000 } as const;
    this.add(OWNER, { e: 'opened', job: 'j', ...opened, ...options });
    for (let index = 0; index < functions; index++) {
      this.add(OWNER, { e: 'deferring', job: 'j', fn: `<${index}>` });
      this.add(OWNER, { e: 'deferred', job: 'j', fn: `<${index}>` });
    }
  }

  add(by: string, event: Event): this {
    this.#ms += 10;
    this.#lines.push({ by, ms: this.#ms, ...event });
    return this;
  }

  start(by: string, index: number, alive: readonly number[] = [], attempt = this.#nextAttempt(index)): this {
    const orphaned = by !== OWNER;
    return this.add(by, { e: 'start', fn: `<${index}>`, job: 'j', orphaned, attempt, alive, parent: 1 });
  }

  #nextAttempt(index: number): number {
    return 1 + this.#lines.filter(line => line.e === 'start' && line.fn === `<${index}>`).length;
  }

  end(by: string, index: number, e: 'end' | 'threw' = 'end'): this {
    return this.add(by, { e, fn: `<${index}>`, job: 'j' });
  }

  run(by: string, ...indexes: readonly number[]): this {
    for (const index of indexes) this.start(by, index).end(by, index);
    return this;
  }

  kill(by: string): this {
    return this.add(OTHER, { e: 'killing', pid: Number.parseInt(by, 10) });
  }

  /** How many of each were found, without the zeros. */
  found(letters: readonly string[] = []): Partial<Record<keyof Findings, number>> {
    const checker = new Checker();
    for (const line of this.#lines) checker.read(line);
    checker.finish(new Set(letters));
    const counts = Object.entries(checker.findings).map(([what, found]) => [what, found.length] as const);
    return Object.fromEntries(counts.filter(([, count]) => count > 0));
  }
}

const dead = (...options: ConstructorParameters<typeof Log>): Log => new Log(...options).kill(OWNER);
const cancelled = (): Log =>
  new Log({}, 1)
    .add(OWNER, { e: 'cancelling', fn: '<0>' })
    .add(OWNER, { e: 'cancelled', fn: '<0>', is: true });

const forked = (): Log => new Log({}, 1).add(OWNER, { e: 'forked', pid: 40, jobs: ['j'] }).kill(OWNER);

/** The owner runs a function that never ends, 70 ms, goes on, and another sweeper runs it again. */
const timedOut = (timeoutMs: number): Log => {
  const log = new Log({ timeoutMs }, 2).add(OWNER, { e: 'closing', job: 'j' }).start(OWNER, 0);
  for (let line = 0; line < 7; line++) log.add(OTHER, { e: 'ending', thread: OTHER });
  return log.run(OWNER, 1).kill(OWNER).run(RUNNER, 0);
};

/** The owner runs two ahead of the end, side by side. The first never ends, 70 ms, and another sweeper runs it again. */
const timedOutBeside = (timeoutMs: number): Log => {
  const log = new Log({ timeoutMs }, 3);
  log.add(OWNER, { e: 'running', fn: '<0>' }).start(OWNER, 0);
  log.add(OWNER, { e: 'running', fn: '<1>' }).run(OWNER, 1);
  for (let line = 0; line < 7; line++) log.add(OTHER, { e: 'ending', thread: OTHER });
  return log.add(OWNER, { e: 'closing', job: 'j' }).run(OWNER, 2).kill(OWNER).run(RUNNER, 0);
};

const CASES: readonly [
  title: string,
  log: Log,
  found: ReturnType<Log['found']>,
  letters?: readonly string[],
][] = [
  ['an orphan that is run', dead().run(RUNNER, 0, 1), {}],
  ['own functions run at the end', new Log().add(OWNER, { e: 'closing', job: 'j' }).run(OWNER, 0, 1), {}],
  ['one that never ran', dead().run(RUNNER, 0), { lost: 1 }],
  ['one that only began', dead({}, 1).start(RUNNER, 0), { lost: 1 }],
  ['one given up too soon', dead({}, 1).start(RUNNER, 0), { lost: 1 }, ['<0>']],
  [
    'at most once, interrupted, set aside',
    dead({ delivery: 'at-most-once' }, 1).start(RUNNER, 0),
    {},
    ['<0>'],
  ],
  ['one repeated whose runner lives', dead({}, 1).run(RUNNER, 0).run(OTHER, 0), { duplicated: 1 }],
  ['one repeated whose runner died in it', dead({}, 1).start(RUNNER, 0).kill(RUNNER).run(OTHER, 0), {}],
  [
    'the one before it repeated as well',
    dead().run(RUNNER, 0).start(RUNNER, 1).kill(RUNNER).run(OTHER, 0, 1),
    { duplicated: 1 },
  ],
  ['one tried again after an error', dead({}, 1).start(RUNNER, 0).end(RUNNER, 0, 'threw').run(RUNNER, 0), {}],
  [
    'one of a job that came to its end, repeated',
    new Log({}, 1)
      .add(OWNER, { e: 'closing', job: 'j' })
      .run(OWNER, 0)
      .add(OWNER, { e: 'closed', job: 'j' })
      .kill(OWNER)
      .run(RUNNER, 0),
    { duplicated: 1 },
  ],
  ['one left behind when its time was up', timedOut(60), {}],
  ['one left behind before its time was up', timedOut(600), { duplicated: 1 }],
  ['one whose time was up beside another one', timedOutBeside(60), {}],
  ['one repeated in its time beside another one', timedOutBeside(600), { duplicated: 1 }],
  [
    'at most once, twice',
    dead({ delivery: 'at-most-once' }, 1).start(RUNNER, 0).kill(RUNNER).run(OTHER, 0),
    { duplicated: 1 },
  ],
  ['one whose owner is alive', new Log({}, 1).start(RUNNER, 0, [10]).end(RUNNER, 0), { early: 1 }],
  [
    'one of a job that has ended, whose owner is alive',
    new Log({}, 1).add(OWNER, { e: 'closing', job: 'j' }).start(RUNNER, 0, [10]).end(RUNNER, 0),
    {},
  ],
  [
    'one of a job that has ended, whose lock somebody inherited',
    new Log({}, 1).add(OWNER, { e: 'closing', job: 'j' }).start(RUNNER, 0, [40]).end(RUNNER, 0),
    {},
  ],
  ['one whose lock somebody inherited', dead({}, 1).start(RUNNER, 0, [40]).end(RUNNER, 0), { early: 1 }],
  [
    'one whose lock a child has that was forked',
    forked().start(RUNNER, 0, [40]).end(RUNNER, 0),
    { early: 1 },
  ],
  ['one whose lock a child had that was forked', forked().run(RUNNER, 0), {}],
  ['own functions before the end', new Log({}, 1).run(OWNER, 0), { early: 1 }],
  ['first in, last out', dead().run(RUNNER, 1, 0), { outOfOrder: 1 }],
  ['last in, first out', dead({ order: 'lifo' }).run(RUNNER, 1, 0), {}],
  ['last in, last out', dead({ order: 'lifo' }).run(RUNNER, 0, 1), { outOfOrder: 1 }],
  [
    'one whose first attempt died before its line, after the others',
    dead().run(RUNNER, 1).start(OTHER, 0, [], 2).end(OTHER, 0),
    {},
  ],
  [
    'one whose earlier attempts nobody died in',
    new Log({}, 1).start(OWNER, 0, [], 2),
    { early: 1, lost: 1, unknown: 1 },
  ],
  [
    'a number of an attempt that was there before',
    dead({}, 1).start(RUNNER, 0).kill(RUNNER).start(OTHER, 0, [], 1).end(OTHER, 0),
    { duplicated: 1, outOfOrder: 1 },
  ],
  ['one cancelled', cancelled(), {}],
  ['one cancelled that runs', cancelled().kill(OWNER).run(RUNNER, 0), { cancelled: 1 }],
  [
    'two runners at once',
    dead().start(RUNNER, 0).start(OTHER, 1).end(RUNNER, 0).end(OTHER, 1),
    { overlapping: 1 },
  ],
  ['one that nobody registered', dead().run(RUNNER, 0, 1, 2), { unknown: 2 }],
];

for (const [title, log, found, letters] of CASES) {
  test(`the checker: ${title} is ${Object.keys(found).join() || 'as promised'}`, () => {
    assert.deepEqual(log.found(letters), found);
  });
}
