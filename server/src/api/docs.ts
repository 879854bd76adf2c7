import reference from '@scalar/fastify-api-reference';
import type { FastifyInstance } from 'fastify';

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

/** `/api/docs`: pages of the API, made in the browser from its OpenAPI document. */
export async function docs(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', async (_request, reply) => {
    void reply.header('content-security-policy', policy);
  });
  await app.register(reference, {
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
}
