import { buildSchema } from 'graphql';
import { schemaOf } from '../../server/src/api/graphql/schema.ts';
import { known } from '../../server/src/resources.ts';
import { naughty } from '../../server/test/api/naughty.ts';
import { randomOf } from '../../server/test/collaboration/random.ts';
import { register } from '../../server/test/support/api.ts';
import { graphqlDocuments } from './graphql.ts';
import { type Document, jsonApiRequests, type Sent } from './json-api.ts';
import { Values } from './values.ts';

const width = 12;
/** A server with a part away says so; nothing here takes a part away. */
const isServersFault = (status: number) => status >= 500 && status !== 507;

/**
 * Requests at random from the OpenAPI document and the SDL, as somebody who owns what there is: none of
 * them is the server's fault. @throws Error with every request that was
 */
export async function runFuzz(
  url: string,
  { seed, runs }: { seed: number; runs: number },
): Promise<Record<string, number>> {
  const document = (await (await fetch(`${url}/api/v1/openapi.json`)).json()) as Document;
  const values = new Values(randomOf(seed), document.components.schemas, naughty);
  const jsonApi = jsonApiRequests(document, values);
  const graphql = graphqlDocuments(buildSchema(schemaOf(known)), values);
  let person = await somebody(url, values);
  const faults: string[] = [];
  const counts: Record<string, number> = {};
  let left = runs;
  const worker = async () => {
    while (left-- > 0 && faults.length < 20) {
      const sent = values.chance(0.4) ? asRequest(graphql()) : jsonApi();
      const { status, text } = await send(url, person.token!, sent);
      counts[status] = (counts[status] ?? 0) + 1;
      if (isServersFault(status) || text.includes('went wrong on our side'))
        faults.push(`${status} ${JSON.stringify(sent)} → ${text.slice(0, 300)}`);
      // What was asked for may have ended the very account that asks.
      if (status === 401) person = await somebody(url, values);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  const alive = await fetch(`${url}/health/ready`);
  if (!alive.ok) faults.push(`The server is not ready any more: ${alive.status}`);
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return counts;
}

const asRequest = (query: string): Sent => ({
  method: 'POST',
  path: '/api/graphql',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ query }),
});

async function send(url: string, token: string, { method, path, headers, body }: Sent) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...headers },
    body: method === 'GET' ? undefined : body,
  });
  return { status: response.status, text: await response.text() };
}

/** A person with something of every kind, whose ids the requests then name. */
async function somebody(url: string, values: Values) {
  const person = await register(url);
  const workspace = await person.workspace();
  for (const path of ['a.md', 'b.txt'])
    await person.file(workspace, path, '# A\n\n```bash\necho a\n```\n');
  await person.key('read');
  values.ids.length = 0;
  for (const { type } of known.values()) {
    const { body } = await person.get<{ id: string }[]>(`/${type}?page[size]=20`);
    values.ids.push(...(body.data ?? []).map(({ id }) => id));
  }
  return person;
}
