import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchBrowser } from './browser.ts';
import { type Server, startServer } from './server.ts';

let server: Server;
let browser: Browser;
const site = createServer((_request, response) => {
  response.setHeader('content-type', 'text/html');
  response.end('<!doctype html><title>Another site</title>');
});

beforeAll(async () => {
  server = await startServer();
  browser = await launchBrowser();
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  site.close();
  await browser.close();
  await server.stop();
});

/** How a socket that a page opens comes to its end: refused, closed with a code, or left open. */
const opened = async (origin: string, path: string, protocol?: string) => {
  const page = await browser.newPage();
  await page.goto(origin);
  const address = server.url.replace('http', 'ws') + path;
  const outcome = await page.evaluate(
    ([url, name]) =>
      new Promise((resolve) => {
        const socket = name ? new WebSocket(url!, name) : new WebSocket(url!);
        socket.onclose = ({ code }) => resolve(code);
        setTimeout(() => resolve('open'), 3_000);
      }),
    [address, protocol],
  );
  await page.close();
  return outcome;
};

test.each([
  ['/collaboration', undefined],
  ['/api/graphql', 'graphql-transport-ws'],
])('A5.57 a page of another site does not get %s, a page of ours does', async (path, protocol) => {
  const { port } = site.address() as AddressInfo;
  for (const host of ['127.0.0.1', 'localhost'])
    expect([1006, 4403]).toContain(await opened(`http://${host}:${port}`, path, protocol));
  expect(await opened(server.url, path, protocol)).toBe('open');
});
