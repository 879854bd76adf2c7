import type { Registry } from '@kyozo/resource';
import { plainPaths } from './plain-paths.ts';
import { resourcePaths } from './resource-paths.ts';
import { resourceSchemas, sharedSchemas } from './schemas.ts';
import { answers, headers } from './shared.ts';

/** The OpenAPI 3.1 document of everything under `/api/v1`, from the declarations. */
export function openApi(known: Registry, version: string): Record<string, unknown> {
  const resources = [...known.values()];
  return {
    openapi: '3.1.0',
    info: {
      title: 'Kyozo Store',
      version,
      description:
        'JSON:API 1.1 with the cursor pagination profile and the Atomic Operations extension. A request acts in one team: the header `Kyozo-Team`, else the key’s team, else the personal team.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/api/v1' }],
    security: [{ bearer: [] }],
    tags: resources.map(({ type, description }) => ({ name: type, description })),
    paths: Object.assign({}, ...resources.map(resourcePaths), plainPaths),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An access token or an API key.' },
      },
      parameters: headers,
      responses: answers,
      schemas: Object.assign({}, sharedSchemas, ...resources.map(resourceSchemas)),
    },
  };
}
