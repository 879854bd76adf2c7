/** The peer of `bench collaboration`: Hocuspocus as it comes, nothing stored. Prints its address. */
import { Server } from '@hocuspocus/server';

const server = new Server({ port: 0, address: '127.0.0.1', quiet: true, stopOnSignals: false });
await server.listen();
process.stdout.write(`${server.httpURL}\n`);
process.on('SIGTERM', () => process.exit(0));
