/** Writes the OpenAPI document, the SDL and the page of policies that the repository keeps; a test compares them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { schemaOf } from '../server/src/api/graphql/schema.ts';
import { openApi } from '../server/src/api/openapi/openapi.ts';
import { known } from '../server/src/resources.ts';
import { version } from '../server/src/version.ts';
import { policiesOf } from './policies.ts';

const folder = join(import.meta.dirname, '../server/generated');
await writeFile(
  join(folder, 'openapi.json'),
  `${JSON.stringify(openApi(known, version), null, 2)}\n`,
);
await writeFile(join(folder, 'schema.graphql'), schemaOf(known));
await writeFile(join(folder, 'policies.md'), policiesOf(known));
