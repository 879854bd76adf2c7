import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { KyozoError } from '@kyozo/resource';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { mailFolder } from '../mail/mailer.ts';

/** `/dev/mailbox`: the mails that would have been sent, newest first. Served in development only. */
export function mailbox(app: FastifyInstance, dataDir: string): void {
  const folder = mailFolder(dataDir);
  app.get('/dev/mailbox', async (_request, reply) => {
    const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.eml'));
    const dated = await Promise.all(
      names.map(async (name) => ({ name, at: (await stat(join(folder, name))).mtimeMs })),
    );
    const items = dated
      .sort((a, b) => b.at - a.at)
      .map(
        ({ name, at }) => `<li><a href="/dev/mailbox/${name}">${new Date(at).toISOString()}</a>`,
      );
    return reply
      .type('text/html')
      .send(`<!doctype html><title>Mailbox</title><ol>${items.join('')}</ol>\n`);
  });
  app.get(
    '/dev/mailbox/:name',
    async (request: FastifyRequest<{ Params: { name: string } }>, reply) => {
      const { name } = request.params;
      const known = /^[0-9a-f-]{36}\.eml$/.test(name);
      const mail = known ? await readFile(join(folder, name)).catch(() => undefined) : undefined;
      if (!mail) throw new KyozoError('not_found', 'There is no such mail.');
      // As text: a mail is shown as it was written, and nothing in it runs.
      return reply.type('text/plain; charset=utf-8').send(mail);
    },
  );
}
