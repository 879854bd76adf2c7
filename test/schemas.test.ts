import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { policiesOf } from '../scripts/policies.ts';
import { schemaOf } from '../server/src/api/graphql/schema.ts';
import { openApi } from '../server/src/api/openapi/openapi.ts';
import { known } from '../server/src/resources.ts';
import { version } from '../server/src/version.ts';

const kept = (name: string) =>
  readFile(join(import.meta.dirname, '../server/generated', name), 'utf8');

test('the OpenAPI document in the repository is the one that is served (npm run schemas)', async () => {
  expect(JSON.parse(await kept('openapi.json'))).toEqual(
    JSON.parse(JSON.stringify(openApi(known, version))),
  );
});

test('the SDL in the repository is the one that is served (npm run schemas)', async () => {
  expect(await kept('schema.graphql')).toBe(schemaOf(known));
});

test('the page of policies in the repository is true: who may do what has not changed unseen', async () => {
  expect(await kept('policies.md')).toBe(policiesOf(known));
});
