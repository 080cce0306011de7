import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { requestUrl, runCommand } from '#dist/actions/index.js';

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/path`;
}

test('a request is made again until the server answers with success, and no more', async t => {
  const seen: string[] = [];
  const url = await serve(t, (request, response) => {
    let body = '';
    request.on('data', data => (body += data));
    request.on('end', () => {
      seen.push(`${request.method} ${request.headers['x-key']} ${body}`);
      response.statusCode = seen.length < 3 ? 503 : 200;
      response.setHeader('retry-after', '0').end('x'.repeat(100_000));
    });
  });
  await requestUrl(url, { headers: { 'x-key': 'k' }, body: 'b', retryDelayMs: 60_000 });
  assert.deepEqual(seen, ['POST k b', 'POST k b', 'POST k b']);
});

test('an answer that no other try changes fails at once, without what is secret in the URL', async t => {
  let requests = 0;
  const url = await serve(t, (_, response) => {
    requests++;
    response.writeHead(404).end();
  });
  await assert.rejects(requestUrl(`${url}?key=secret`, { method: 'PUT' }), error => {
    assert.equal((error as { code?: string }).code, 'DEFERRED_ACTION_FAILED');
    assert.match(
      String(error),
      /cannot PUT http:\/\/127\.0\.0\.1:\d+\/path: it answered 404 Not Found; tried 1 time$/,
    );
    return true;
  });
  assert.equal(requests, 1);
  await requestUrl(url, { method: 'DELETE' });
  await requestUrl(url, { acceptStatus: [404] });
});

test('a server that does not answer, and one that is not there, fail after the tries', async t => {
  const url = await serve(t, () => {});
  await assert.rejects(
    requestUrl(url, { timeoutMs: 20, tries: 2, retryDelayMs: 0 }),
    /no answer within 20 ms; tried 2/,
  );
  await assert.rejects(requestUrl('http://127.0.0.1:1/', { tries: 2, retryDelayMs: 0 }), /tried 2 times/);
});

test('wrong options are refused before anything is sent', async () => {
  await assert.rejects(requestUrl('file:///etc/passwd'), TypeError);
  await assert.rejects(requestUrl('/relative'), TypeError);
  await assert.rejects(requestUrl('http://127.0.0.1:1/', { tries: 0 }), RangeError);
  await assert.rejects(requestUrl('http://127.0.0.1:1/', { tries: 1000 }), RangeError);
});

test('a command that fails is a failure', async () => {
  await runCommand('true');
  await assert.rejects(runCommand('sh', ['-c', 'exit 3']), { code: 'DEFERRED_COMMAND_FAILED' });
  await assert.rejects(runCommand('', []), TypeError);
});
