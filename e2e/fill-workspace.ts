import type { Page } from 'playwright-core';

export type Filled = { workspaceId: string };

/** Makes a workspace with many small files in one folder, by atomic operations as the signed-in person. */
export async function fillWorkspace(
  page: Page,
  { files, folder }: { files: number; folder: string },
): Promise<Filled> {
  const asked = page.waitForRequest((request) => Boolean(request.headers().authorization));
  await page.goto('/');
  const { authorization } = (await asked).headers();
  const headers = { authorization: authorization!, accept: 'application/vnd.api+json' };
  const made = await page.request.post('/api/v1/workspaces', {
    headers: { ...headers, 'content-type': 'application/vnd.api+json' },
    data: { data: { type: 'workspaces', attributes: { name: 'Library' } } },
  });
  const workspaceId = ((await made.json()) as { data: { id: string } }).data.id;
  const ext = 'application/vnd.api+json; ext="https://jsonapi.org/ext/atomic"';
  for (let from = 1; from <= files; from += 100) {
    const operations = Array.from({ length: Math.min(100, files - from + 1) }, (_, at) => ({
      op: 'add',
      data: {
        type: 'files',
        attributes: { path: `${folder}/file ${from + at}.md`, content: `# file ${from + at}\n` },
        relationships: { workspace: { data: { type: 'workspaces', id: workspaceId } } },
      },
    }));
    const answer = await page.request.post('/api/v1/operations', {
      headers: { ...headers, 'content-type': ext, accept: ext },
      data: { 'atomic:operations': operations },
      timeout: 120_000,
    });
    if (!answer.ok()) throw new Error(await answer.text());
  }
  return { workspaceId };
}
