import { afterAll, beforeAll, expect, test } from 'vitest';
import { runFuzz } from '../../../soak/fuzz/fuzz.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

test('2,000 requests at random from the OpenAPI document and the SDL: no 5xx', async () => {
  const counts = await runFuzz(server.url, { seed: 3, runs: 2_000 });
  // Enough of them get far: they are well-formed and reach a record or a change.
  expect(counts[200]! + (counts[201] ?? 0) + (counts[204] ?? 0)).toBeGreaterThan(400);
}, 120_000);
