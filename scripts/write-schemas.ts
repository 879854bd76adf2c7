/** Writes the OpenAPI document and the SDL that the repository keeps; a test compares them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { schemaOf } from '../server/src/api/graphql/schema.ts';
import { openApi } from '../server/src/api/openapi/openapi.ts';
import { known } from '../server/src/resources.ts';
import { version } from '../server/src/version.ts';

const folder = join(import.meta.dirname, '../server/generated');
await writeFile(
  join(folder, 'openapi.json'),
  `${JSON.stringify(openApi(known, version), null, 2)}\n`,
);
await writeFile(join(folder, 'schema.graphql'), schemaOf(known));
