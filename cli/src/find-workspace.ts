import { type Client, type RecordObject, UsageError } from './client.ts';

/** A workspace by id, slug or name. */
export async function lookUpWorkspace(
  client: Client,
  wanted: string,
): Promise<RecordObject | undefined> {
  for (const field of isId(wanted) ? ['id'] : ['slug', 'name']) {
    const { data } = await client.get<RecordObject[]>(
      `/workspaces?filter[${field}]=${encodeURIComponent(wanted)}`,
    );
    if (data[0]) return data[0];
  }
  return undefined;
}

/** The same; made when there is none of that name. @throws UsageError for an id of none */
export async function findWorkspace(client: Client, wanted: string): Promise<RecordObject> {
  const found = await lookUpWorkspace(client, wanted);
  if (found) return found;
  if (isId(wanted)) throw new UsageError(`There is no workspace ${wanted}.`);
  return (await client.post('workspaces', '/workspaces', { name: wanted })).data;
}

const isId = (wanted: string) => /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(wanted);
