import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';

/** What the pages may do: their script brings its own styles; nothing is asked of any other host. */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'unsafe-inline'",
  "style-src 'self' 'unsafe-inline'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

/**
 * `/api/docs`: pages of the API, made in the browser from its OpenAPI document. What makes them is loaded
 * with the first visit: it is a tenth of a start, and 50 MB.
 */
export async function docs(app: FastifyInstance): Promise<void> {
  let pages: Promise<FastifyInstance> | undefined;
  const answer = async ({ url }: FastifyRequest, reply: FastifyReply) => {
    pages ??= load();
    const { statusCode, headers, rawPayload } = await (await pages).inject({ url });
    for (const name of ['content-type', 'location', 'cache-control']) {
      if (headers[name] !== undefined) void reply.header(name, headers[name]);
    }
    return reply
      .code(statusCode)
      .header('content-security-policy', policy)
      .send(rawPayload.length > 0 ? rawPayload : undefined);
  };
  for (const path of ['/api/docs', '/api/docs/', '/api/docs/js/scalar.js']) app.get(path, answer);
}

async function load(): Promise<FastifyInstance> {
  const { default: reference } = await import('@scalar/fastify-api-reference');
  const pages = fastify();
  await pages.register(reference, {
    routePrefix: '/api/docs',
    configuration: {
      url: '/api/v1/openapi.json',
      title: 'Kyozo Store API',
      withDefaultFonts: false,
      hideClientButton: true,
      telemetry: false,
      agent: { disabled: true },
      mcp: { disabled: true },
      showDeveloperTools: 'never',
    },
  });
  return pages;
}
