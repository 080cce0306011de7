/** The fixtures' side of the IPC channel that `child.ts` opens. */

const commands: unknown[] = [];
let arrival: (() => void) | undefined;

process.on('message', command => {
  commands.push(command);
  arrival?.();
});

// The test process is gone, even if it was killed and could not end its children.
process.on('disconnect', () => process.exit(1));

/** Tells the test how far this program has come, or the answer to its last command; resolves when that is sent. */
export function report(message: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send!(message, undefined, undefined, error => (error === null ? resolve() : reject(error)));
  });
}

/** Ends this process with exit code 0, after its last words. */
export async function finish(message: unknown): Promise<never> {
  await report(message);
  process.exit(0);
}

/** The test's next message; this process waits, and stays, until it comes. */
export async function nextCommand<Command>(): Promise<Command> {
  if (commands.length === 0) {
    await new Promise<void>(resolve => {
      arrival = resolve;
    });
  }
  return commands.shift() as Command;
}
