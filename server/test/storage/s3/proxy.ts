import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';

/** How a connection fares: passed on, cut at once, never answered, or answered with a flipped byte. */
export type Mood = 'passes' | 'refuses' | 'silent' | 'corrupts' | 'cuts';

/** Stands between us and S3 and breaks what the test says; the S3 behind it is real. */
export class FaultyProxy {
  mood: Mood = 'passes';
  /** Connections that were made. */
  connections = 0;
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, target: URL) {
    this.#server = server;
    const { port } = server.address() as { port: number };
    this.url = `http://127.0.0.1:${port}`;
    server.on('connection', (socket) => this.#carry(socket, target));
  }

  static async start(target: string): Promise<FaultyProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FaultyProxy(server, new URL(target));
  }

  /** Changes the mood, also for connections that are open: they end. */
  become(mood: Mood): void {
    this.mood = mood;
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.become('refuses');
    this.#server.close();
    await once(this.#server, 'close');
  }

  #carry(socket: Socket, target: URL): void {
    this.connections += 1;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    if (this.mood === 'refuses') return void socket.destroy();
    if (this.mood === 'silent') return void socket.resume();
    const far = connect(Number(target.port), target.hostname);
    far.on('error', () => socket.destroy());
    far.on('close', () => socket.destroy());
    socket.on('close', () => far.destroy());
    socket.pipe(far);
    far.pipe(this.#spoil()).pipe(socket);
  }

  /** Flips the last byte of, or cuts, what comes back in large pieces: bodies, never the short answers' heads. */
  #spoil(): Transform {
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        if (chunk.length < 4_000 || this.mood === 'passes') return done(null, chunk);
        if (this.mood === 'cuts') return done(new Error('cut'));
        const changed = Buffer.from(chunk);
        if (this.mood === 'corrupts') changed[changed.length - 1]! ^= 1;
        done(null, changed);
      },
    }).on('error', () => {
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}
