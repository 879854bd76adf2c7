import { execFileSync } from 'node:child_process';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

const hasSandbox = (() => {
  try {
    execFileSync('sh', ['-c', 'command -v bwrap']);
    return true;
  } catch {
    console.warn('NOT TESTED: smaller pictures, because bubblewrap (bwrap) is not installed.');
    return false;
  }
})();

let server: TestServer;
let ann: Person;

beforeAll(async () => {
  server = await startServer();
  ann = await register(server.url);
});
afterAll(() => server.stop());

const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#0a0' } })
    .png()
    .toBuffer();
const put = (file: RecordObject, raw: Buffer) =>
  ann.request(`/files/${file.id}/content`, { method: 'PUT', raw });
const media = async (file: RecordObject) =>
  (await ann.get<RecordObject | null>(`/files/${file.id}/picture`)).body.data?.attributes;
const known = (file: RecordObject, version: number) =>
  expect.poll(async () => (await media(file))?.version, { timeout: 20_000 }).toBe(version);

describe.skipIf(!hasSandbox)('a picture', () => {
  test('is measured and made smaller in the background, again for each version', async () => {
    const file = await ann.file(await ann.workspace(), 'a.png', '');
    await put(file, await picture(900, 600));
    await known(file, 2);
    expect(await media(file)).toMatchObject({
      status: 'ready',
      format: 'png',
      width: 900,
      height: 600,
    });
    const answer = await ann.fetch(`/files/${file.id}/thumbnail`);
    expect(answer.headers.get('content-type')).toBe('image/webp');
    expect(answer.headers.get('content-security-policy')).toContain('sandbox');
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(await sharp(bytes).metadata()).toMatchObject({
      format: 'webp',
      width: 512,
      height: 341,
    });
    const etag = answer.headers.get('etag')!;
    const again = await ann.fetch(`/files/${file.id}/thumbnail`, {
      headers: { 'if-none-match': etag },
    });
    expect(again.status).toBe(304);

    await put(file, await picture(50, 60));
    await known(file, 3);
    expect(await media(file)).toMatchObject({ width: 50, height: 60 });
    expect((await ann.fetch(`/files/${file.id}/thumbnail`)).headers.get('etag')).not.toBe(etag);
    const included = await ann.get(`/files/${file.id}?include=picture`);
    expect(included.body.included).toHaveLength(1);
    const eve = await register(server.url);
    expect((await eve.fetch(`/files/${file.id}/thumbnail`)).status).toBe(404);
  });

  test('that is broken is said to be, and has no smaller one; a text has nothing of the kind', async () => {
    const workspace = await ann.workspace();
    const file = await ann.file(workspace, 'broken.png', '');
    await put(file, (await picture(300, 300)).subarray(0, 60));
    await known(file, 2);
    expect(await media(file)).toMatchObject({ status: 'failed', width: null });
    expect((await media(file))!.reason).not.toBe('');
    expect((await ann.fetch(`/files/${file.id}/thumbnail`)).status).toBe(404);
    const text = await ann.file(workspace, 'a.md', 'text\n');
    expect(await media(text)).toBeUndefined();
  });
});
