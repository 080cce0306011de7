/** Entry of the session thread. */
import { parentPort, workerData } from 'node:worker_threads';
import type { SessionConfig, ToThread } from './messages.ts';
import { SessionThread } from './thread.ts';

const port = parentPort!;
const thread = new SessionThread(workerData as SessionConfig, message => port.postMessage(message));

port.on('message', async (message: ToThread) => {
  await thread.take(message);
  if (message.kind === 'close') port.close();
});

await thread.open();
