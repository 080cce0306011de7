/**
 * A host that starts stdio servers (MCP-shaped): node agent-host.mjs BASE NAME…
 * Servers, and what they start, end with the host, however that ends: at the latest when the next host starts.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { DeferredFunctionManager } from 'deferred-sweep';
import { spawn } from 'deferred-sweep/actions';

const [, , base, ...names] = process.argv;
const manager = new DeferredFunctionManager(base);
await manager.run(async (_defer, job) => {
  for (const name of names) console.log(`server ${await startServer(job, name)}`);
  await once(process.stdin.resume(), 'end'); // the conversation
});
await manager.close();

/** Starts a server and returns the name it answers with. */
async function startServer(job, name) {
  const program = new URL('stdio-server.mjs', import.meta.url).pathname;
  const server = spawn(job, process.execPath, [program, name], { stdio: ['pipe', 'pipe', 'inherit'] });
  server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} })}\n`);
  const [line] = await once(createInterface(server.stdout), 'line');
  return JSON.parse(line).result.serverInfo.name;
}
