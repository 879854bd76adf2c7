import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const get = (path: string, method = 'GET') =>
  fetch(`${server.url}${path}`, { method, redirect: 'manual' });

test('the pages of the API are there, under a policy of their own', async () => {
  const moved = await get('/api/docs');
  expect([moved.status, moved.headers.get('location')]).toEqual([301, '/api/docs/']);
  const page = await get('/api/docs/');
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(await page.text()).toContain('"url": "/api/v1/openapi.json"');
  const script = await get('/api/docs/js/scalar.js');
  expect(script.headers.get('content-type')).toBe('application/javascript; charset=utf-8');
  expect((await script.text()).length).toBeGreaterThan(1e6);
  for (const answer of [moved, page, script]) {
    expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  }
  expect((await get('/api/docs/', 'HEAD')).status).toBe(200);
  expect((await get('/api/docs/nothing')).status).toBe(404);
});
