import { startServer } from '../bench/support.ts';
import { runFuzz } from './fuzz/fuzz.ts';

/** Requests at random from the OpenAPI document and the SDL: no 5xx. */
export async function fuzz(options: {
  seed: number;
  runs: number;
  say: (line: string) => void;
}): Promise<void> {
  const server = await startServer();
  try {
    options.say(JSON.stringify(await runFuzz(server.url, options)));
  } finally {
    await server.stop();
  }
}
