/** The worker thread around the writer: operations in, results or plain errors out. */
import { parentPort, workerData } from 'node:worker_threads';
import { type Operation, Writer } from './writer.ts';

export type Request = { id: number; operation: Operation | { kind: 'close' } };
/** `prepared` is the result to come, before it is durable. */
export type Reply =
  | { id: number; prepared: unknown }
  | { id: number; result: unknown }
  | { id: number; error: { code?: string; message: string; path?: string } };

const port = parentPort!;
const writer = new Writer(workerData as string);
await writer.recover();
port.on('message', (request: Request) => void answer(request));
port.postMessage({ id: 0, result: null } satisfies Reply);

async function answer({ id, operation }: Request): Promise<void> {
  try {
    const prepared = (result: unknown) =>
      port.postMessage({ id, prepared: result } satisfies Reply);
    const result =
      operation.kind === 'close'
        ? await writer.close()
        : await writer.run(operation, operation.kind === 'commit' ? prepared : undefined);
    port.postMessage({ id, result } satisfies Reply);
  } catch (error) {
    const { code, message, path } = error as Error & { code?: string; path?: string };
    port.postMessage({ id, error: { code, message, path } } satisfies Reply);
  }
}
