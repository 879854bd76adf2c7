import { readConfig } from '@kyozo/server/config';
import { settleAllocator } from '../allocator.ts';

/** `kyozo serve`: runs the product until it is told to stop. Exit 1 with one line when it cannot start. */
export async function serve(): Promise<number> {
  settleAllocator();
  let stopped = false;
  try {
    const config = readConfig(process.env);
    // Listened for from here on: a signal during the start would leave PostgreSQL behind.
    const signalled = untilSignal();
    // Loaded when the settings are good: a bad one must not wait seconds for the server's modules.
    const { serve: start } = await import('@kyozo/server');
    const running = await start(config);
    console.log(`Kyozo Store is ready at ${running.url}`);
    const reason = await Promise.race([signalled, running.failed]);
    stopped = reason === undefined;
    if (reason) console.error(reason);
    await running.stop();
  } catch (error) {
    console.error(`Kyozo Store cannot start: ${explain(error)}`);
  }
  return stopped ? 0 : 1;
}

function untilSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => resolve(undefined));
  });
}

function explain(error: unknown): string {
  const { code, port, message } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE') return `port ${port} is already in use.`;
  if (code === 'EACCES') return `${message}.`;
  return message;
}
