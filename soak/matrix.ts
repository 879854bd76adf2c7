import pg from 'pg';
import { ownerUrlOf, startServer } from '../bench/support.ts';
import { known } from '../server/src/resources.ts';
import { runMatrix } from './matrix/matrix.ts';

/** Every route × person × team × state of a record × credential, against the declared policies. */
export async function matrix(options: {
  seed: number;
  runs: number;
  say: (line: string) => void;
}): Promise<void> {
  const server = await startServer();
  const pool = new pg.Pool({ connectionString: await ownerUrlOf(server.dataDir), max: 2 });
  pool.on('error', () => undefined);
  try {
    const host = {
      url: server.url,
      query: async <Row extends object>(text: string, values?: unknown[]) =>
        (await pool.query(text, values)).rows as Row[],
    };
    const { checks, routes } = await runMatrix(host, known, options);
    options.say(`${checks} checks of ${routes} routes and fields, none that was not as declared`);
  } finally {
    await pool.end();
    await server.stop();
  }
}
