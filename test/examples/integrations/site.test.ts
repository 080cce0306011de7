/** The site that `npm run site` makes, looked at by a browser on a phone and on a desk. `test:examples` builds it first. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, extname, join, normalize, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import { packageRoot } from '../../helpers/command-line.ts';
import { glob } from '../../helpers/glob.ts';
import { skipExamples } from './running.ts';

const site = join(packageRoot, 'site');
const skip = existsSync(join(site, 'index.html')) ? false : 'SKIPPED: no site here; npm run site makes it';
const skipBrowser =
  skip ||
  skipExamples ||
  (spawnSync('chromium', ['--version']).status === 0
    ? false
    : 'SKIPPED: no chromium here; install the package chromium');
const pages = skip ? [] : glob(site, '.html');

test('every link of the site leads to a file, and every anchor to a place in it', { skip }, () => {
  const dead: string[] = [];
  const ids = new Map<string, Set<string>>();
  const idsOf = (page: string): Set<string> => {
    const known = ids.get(page);
    if (known) return known;
    const found = new Set([...readFileSync(page, 'utf8').matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!));
    ids.set(page, found);
    return found;
  };
  for (const page of pages)
    for (const [, target = ''] of readFileSync(page, 'utf8').matchAll(/(?:href|src)="([^"]+)"/g)) {
      if (/^(https?|data|mailto):/.test(target)) continue;
      const [path = '', anchor = ''] = target.replace(/\?.*?(?=#|$)/, '').split('#');
      const file = path === '' ? page : normalize(join(dirname(page), decodeURIComponent(path)));
      const isDead =
        !existsSync(file) || (anchor !== '' && file.endsWith('.html') && !idsOf(file).has(anchor));
      if (isDead) dead.push(`${relative(site, page)}: ${target}`);
    }
  assert.ok(pages.length > 50, `${pages.length} pages`);
  assert.deepEqual([...new Set(dead)], []);
});

test('every page of docs is on the site', { skip }, () => {
  for (const page of glob(join(packageRoot, 'docs'), '.md').map(path =>
    relative(join(packageRoot, 'docs'), path),
  ))
    if (!page.includes('/'))
      assert.ok(existsSync(join(site, `documents/docs_${page.replace('.md', '')}.html`)), page);
});

interface Page {
  goto(url: string): Promise<unknown>;
  evaluate<T>(body: () => T): Promise<T>;
  fill(selector: string, text: string): Promise<void>;
  waitForSelector(selector: string): Promise<unknown>;
  textContent(selector: string): Promise<string | null>;
  keyboard: { press(key: string): Promise<void> };
}
interface Browser {
  newPage(options: object): Promise<Page>;
  close(): Promise<void>;
}

async function open(t: TestContext): Promise<{ browser: Browser; url: string }> {
  const require = createRequire(join(packageRoot, 'examples/integrations/package.json'));
  const { chromium } = require('playwright-core') as {
    chromium: { launch(options: object): Promise<Browser> };
  };
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  t.after(() => browser.close());
  const server: Server = createServer((request, response) => {
    const file = join(
      site,
      normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://site').pathname)),
    );
    const types: Record<string, string> = {
      '.html': 'text/html',
      '.css': 'text/css',
      '.js': 'text/javascript',
      '.svg': 'image/svg+xml',
    };
    if (!existsSync(file)) response.writeHead(404).end();
    else
      response
        .writeHead(200, { 'content-type': types[extname(file)] ?? 'text/plain' })
        .end(readFileSync(file));
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await new Promise(resolve => server.once('listening', resolve));
  return { browser, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const screens: Record<string, object> = {
  'a phone': { viewport: { width: 390, height: 844 } },
  'a desk': { viewport: { width: 1280, height: 800 } },
  'a desk at night': { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
};
/** What runs in the page; it is JavaScript, since tests are compiled without the types of a browser. */
const scriptInPage = join(packageRoot, 'test/examples/integrations/look-at-page.mjs');
const looked = [
  'index',
  'documents/docs_protocol',
  'documents/docs_guarantees',
  'documents/docs_cli',
  'documents/docs_bundlers',
  'interfaces/index.Job',
];

for (const [name, options] of Object.entries(screens))
  test(`on ${name} no page is wider than the screen, every drawing is there, and all text has contrast`, {
    skip: skipBrowser,
  }, async t => {
    const { browser, url } = await open(t);
    const page = await browser.newPage(options);
    const { look } = (await import(scriptInPage)) as { look: () => unknown };
    for (const path of looked) {
      await page.goto(`${url}/${path}.html`);
      const found = await page.evaluate(look);
      assert.deepEqual(found, { tooWide: 0, missing: [], faint: [] }, path);
    }
  });

test('one search finds functions and pages', { skip: skipBrowser }, async t => {
  const { browser, url } = await open(t);
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  for (const [words, found] of [
    ['cleanupWorker', /cleanupWorker/],
    ['bundlers', /bundlers/],
  ] as const) {
    await page.goto(`${url}/index.html`);
    await page.keyboard.press('/');
    await page.fill('#tsd-search-input', words);
    await page.waitForSelector('#tsd-search-results li');
    assert.match((await page.textContent('#tsd-search-results')) ?? '', found);
  }
});
