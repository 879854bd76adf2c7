import { isIP } from 'node:net';
import { KyozoError } from '@kyozo/resource';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Providers, providersPath, type Redirect } from '../accounts/providers.ts';
import type { Config } from '../config.ts';
import { metaText, root } from './jsonapi/document.ts';
import { mediaType } from './jsonapi/media-type.ts';

type Settings = Pick<Config, 'publicUrl' | 'confirmation' | 'magicLink'>;
type WithProvider = FastifyRequest<{ Params: { provider: string } }>;

/** How one can sign in here, and the way to a provider and back, which a browser goes by redirects. */
export async function signInMethods(
  app: FastifyInstance,
  providers: Providers,
  { publicUrl, confirmation, magicLink }: Settings,
): Promise<void> {
  const methods = {
    password: true,
    magicLink,
    passkeys: canHavePasskeys(new URL(publicUrl)),
    confirmation,
    providers: providers.list.map(({ id, name }) => ({
      id,
      name,
      url: `${publicUrl}${providersPath}/${id}`,
    })),
  };
  app.get(`${root}/sign-in-methods`, async (_request, reply) =>
    reply.type(mediaType).send(metaText(methods)),
  );

  // A form, from Apple alone; its text goes on as it is.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: 64 * 1024 },
    (_request, body, done) => done(null, body),
  );
  app.get(`${providersPath}/:provider`, async (request: WithProvider, reply) => {
    const redirect = await providers.start(request.params.provider);
    if (!redirect) throw new KyozoError('not_found', 'There is no such provider.');
    return follow(reply, redirect);
  });
  app.route({
    method: ['GET', 'POST'],
    url: `${providersPath}/callback/:provider`,
    handler: async (request: WithProvider, reply) => {
      const headers = new Headers();
      for (const name of ['cookie', 'content-type', 'origin', 'user-agent'])
        if (request.headers[name]) headers.set(name, String(request.headers[name]));
      const url = `${publicUrl}${request.url}`;
      const body = typeof request.body === 'string' ? request.body : undefined;
      const asked = new Request(url, { method: request.method, headers, body });
      return follow(reply, await providers.finish(asked));
    },
  });
}

function follow(reply: FastifyReply, { location, cookies }: Redirect): FastifyReply {
  for (const cookie of cookies) void reply.header('set-cookie', cookie);
  return reply.header('cache-control', 'no-store').redirect(location, 302);
}

/** A passkey belongs to a name, not to an address, and to a page that nobody could have changed. */
const canHavePasskeys = ({ hostname, protocol }: URL) =>
  isIP(hostname.replace(/^\[|\]$/g, '')) === 0 &&
  (protocol === 'https:' || hostname === 'localhost' || hostname.endsWith('.localhost'));
