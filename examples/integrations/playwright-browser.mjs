/**
 * A browser and its profile that cannot outlive the program: node playwright-browser.mjs BASE URL
 * Playwright's own `launch` ends its browser when the program ends, but not when the program is killed; its profile stays.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { DeferredFunctionManager } from 'deferred-sweep';
import { spawn, temporaryDirectory } from 'deferred-sweep/actions';
import { chromium } from 'playwright-core';

const [, , base, url] = process.argv;
// The last first: a browser that lives on would write its profile anew.
const manager = new DeferredFunctionManager(base, { order: 'lifo' });

await manager.run(async (_defer, job) => {
  const profile = temporaryDirectory(job, { prefix: 'profile-' });
  const flags = ['--headless', '--remote-debugging-port=0', `--user-data-dir=${profile}`, '--no-first-run'];
  // Else it asks for servers of its maker, and where there is no network it waits for them.
  flags.push('--disable-background-networking', '--disable-gpu');
  if (process.getuid() === 0) flags.push('--no-sandbox');
  const program = spawn(job, process.env.CHROMIUM ?? 'chromium', flags, {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const browser = await chromium.connectOverCDP(await endpointOf(program));
  const page = await browser.contexts()[0].newPage();
  await page.goto(url);
  console.log(`title ${await page.title()} profile ${profile}`);
  await once(process.stdin.resume(), 'end'); // the long part of the work
  await browser.close();
});

/** Where the browser listens; it prints that to its standard error. */
async function endpointOf({ stderr }) {
  for await (const line of createInterface(stderr)) {
    const [, endpoint] = /^DevTools listening on (ws:.*)$/.exec(line) ?? [];
    if (endpoint === undefined) continue;
    stderr.resume();
    return endpoint;
  }
  throw new Error('the browser ended before it listened');
}
