// What can be cleaned up, by name. A function is stored as this name and its arguments, so every worker and every
// sweeper of the pool has this module. Each handler can be repeated: a machine that is gone is gone.
import { currentInvocation } from 'deferred-sweep/postgres';

const cloud = process.env.CLOUD_URL ?? 'http://127.0.0.1:8080';

export const handlers = {
  async terminateMachine(name) {
    const { fence, signal } = currentInvocation();
    const response = await fetch(`${cloud}/${name}?fence=${fence}`, { method: 'DELETE', signal });
    if (!response.ok && response.status !== 404) throw new Error(`${name}: ${await response.text()}`);
  },
};
