import { afterAll, beforeAll, expect, test } from 'vitest';
import { runMatrix } from '../../../soak/matrix/matrix.ts';
import { known } from '../../src/resources.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

test('20,000 of the matrix are as declared: route × person × team × state × credential', async () => {
  const { checks, routes } = await runMatrix(server, known, { seed: 3, runs: 20_000 });
  expect(checks).toBe(20_000);
  expect(routes).toBeGreaterThan(300);
}, 240_000);
