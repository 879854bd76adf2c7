import type { Client, RecordObject } from './client.ts';
import { showProgress } from './progress.ts';

/** Sends a zip to the server, which brings its files in; says what became of them. */
export async function importZip(
  client: Client,
  workspace: RecordObject,
  path: string,
  progress: boolean,
): Promise<number> {
  const { data } = await client.importArchive(workspace.id, path);
  const { attributes } = await client.ended(data.id, showProgress(progress));
  if (attributes.status === 'failed') {
    console.error(attributes.reason);
    return 1;
  }
  const counts = { created: 0, changed: 0, same: 0, refused: 0 };
  const first = `/transfers/${data.id}/entries?sort=position&page[size]=100`;
  for (let next: string | null | undefined = first; next; ) {
    const page: { data: RecordObject[]; links?: { next?: string | null } } =
      await client.get<RecordObject[]>(next);
    for (const entry of page.data) {
      counts[entry.attributes.outcome as keyof typeof counts] += 1;
      if (entry.attributes.outcome === 'refused')
        console.error(`refused ${entry.attributes.path}: ${entry.attributes.reason}`);
    }
    next = page.links?.next;
  }
  console.log(
    `${counts.created} imported, ${counts.changed} changed, ${counts.same} unchanged, ${counts.refused} refused, into ${workspace.attributes.name}`,
  );
  return counts.refused > 0 ? 1 : 0;
}
