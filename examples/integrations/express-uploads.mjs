/**
 * A server with a job for each request: node express-uploads.mjs BASE
 * A request's upload is removed when it is answered, when its client goes away, and when the server is killed.
 */
import { randomUUID } from 'node:crypto';
import { createWriteStream, promises } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DeferredFunctionManager, sweep } from 'deferred-sweep';
import express from 'express';

const base = process.argv[2];
// A request does not wait for what another process left: the server sweeps when it starts.
const manager = new DeferredFunctionManager(base);
const { ok } = await sweep(base);

const app = express();
app.post('/count', async (request, response) => {
  const job = await manager.open({ sweep: 'none' });
  let bytes;
  try {
    const upload = join(base, `upload-${randomUUID()}`);
    job.defer(promises.rm, upload, { force: true });
    await pipeline(request, createWriteStream(upload));
    bytes = (await promises.stat(upload)).size;
  } finally {
    await job.close();
  }
  response.json({ bytes }); // what was uploaded is gone now
});
const server = app.listen(0, '127.0.0.1', () => console.log(`swept ${ok}, port ${server.address().port}`));
process.once('SIGTERM', () => server.close(() => manager.close()));
