/** A server that speaks JSON-RPC in lines, as MCP's stdio servers do, and does not end with its standard input. */
import { createInterface } from 'node:readline';

const lines = createInterface(process.stdin);
lines.on('line', line => {
  const { id, method } = JSON.parse(line);
  const result = method === 'initialize' ? { serverInfo: { name: process.argv[2] } } : {};
  console.log(JSON.stringify({ jsonrpc: '2.0', id, result }));
});
setInterval(() => {}, 1_000_000);
