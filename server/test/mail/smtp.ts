import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export type Received = { from: string; to: string[]; text: string };
export type Sink = {
  url: string;
  received: Received[];
  /** The first mail that fits, also one that came already. */
  next(fits: (mail: Received) => boolean): Promise<Received>;
  close(): Promise<void>;
};

/** A real SMTP server on loopback that keeps what it is given, as the envelope said. */
export async function startSmtp(refuseFirst = 0): Promise<Sink> {
  const received: Received[] = [];
  const waiting = new Set<() => void>();
  let refusals = refuseFirst;
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (refusals-- > 0) return done(new Error('busy'));
        const { mailFrom, rcptTo } = session.envelope;
        received.push({
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(({ address }) => address),
          text: Buffer.concat(chunks).toString(),
        });
        for (const wake of waiting) wake();
        done();
      });
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    received,
    async next(fits) {
      for (;;) {
        const found = received.find(fits);
        if (found) return found;
        await new Promise<void>((resolve) => {
          waiting.add(resolve);
        });
      }
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
