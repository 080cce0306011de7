// A cloud of one service: it makes machines, terminates them, and counts. A termination by an older fence is refused.
import { createServer } from 'node:http';

/** Starts the service; `machines` and `log` are what it knows. */
export async function startCloud(address = '127.0.0.1') {
  const machines = new Map();
  const log = [];
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://cloud');
    const name = pathname.slice(1);
    const answer = (status, text) => {
      log.push(`${request.method} ${name} ${status}`);
      response.writeHead(status).end(`${text}\n`);
    };
    if (request.method === 'PUT') {
      machines.set(name, { state: 'running', fence: 0 });
      return answer(201, 'running');
    }
    const machine = machines.get(name);
    if (machine === undefined) return answer(404, 'no such machine');
    if (request.method === 'GET') return answer(200, machine.state);
    const fence = Number(searchParams.get('fence'));
    if (fence < machine.fence) return answer(409, `fence ${fence} is older than ${machine.fence}`);
    machine.fence = fence;
    machine.state = 'terminated';
    return answer(200, 'terminated');
  });
  await new Promise(resolve => server.listen(0, address, resolve));
  return { machines, log, port: server.address().port, close: () => server.close() };
}
