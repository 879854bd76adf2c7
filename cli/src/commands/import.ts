import { isUtf8 } from 'node:buffer';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, posix, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import picomatch from 'picomatch';
import { ApiError, Client, type RecordObject, UsageError } from '../client.ts';

/** Files go up this many at a time; the server makes versions of one workspace one after the other. */
const parallel = 8;
/** Larger content goes up as raw bytes instead of inside a JSON document. */
const inlineLimit = 4 * 2 ** 20;

/** `kyozo import FILE|DIR [--workspace W] [--include GLOB]`: brings files into a workspace. */
export async function importFiles(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      workspace: { type: 'string' },
      include: { type: 'string', multiple: true },
      quiet: { type: 'boolean' },
    },
  });
  const [source, ...rest] = positionals;
  if (!source || rest.length > 0)
    throw new UsageError('Usage: kyozo import FILE|DIR [--workspace W] [--include GLOB]');
  const client = Client.fromEnvironment(process.env);
  const root = resolve(source);
  const info = await stat(root).catch(() => undefined);
  if (!info) throw new UsageError(`There is no ${source}.`);
  const files = info.isDirectory()
    ? await filesBelow(root, values.include)
    : [{ path: basename(root), file: root }];
  const workspace = await findWorkspace(client, values.workspace ?? basename(root));
  const report = await upload(client, workspace.id, files, values.quiet !== true);
  for (const { path, reason } of report.refused) console.error(`refused ${path}: ${reason}`);
  console.log(
    `${report.made} imported, ${report.changed} changed, ${report.same} unchanged, ${report.refused.length} refused, into ${workspace.attributes.name}`,
  );
  return report.refused.length > 0 ? 1 : 0;
}

type Found = { path: string; file: string };
type Report = {
  made: number;
  changed: number;
  same: number;
  refused: { path: string; reason: string }[];
};

/** Every file below a folder but git's own; links are not followed, so nothing from outside comes in. */
async function filesBelow(root: string, include: readonly string[] | undefined): Promise<Found[]> {
  const found: Found[] = [];
  const wanted = include ? picomatch([...include], { dot: true }) : () => true;
  const walk = async (folder: string, at: string) => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = posix.join(at, entry.name);
      if (entry.isDirectory() && entry.name !== '.git') await walk(join(folder, entry.name), path);
      if (entry.isFile() && wanted(path)) {
        found.push({ path, file: join(folder, entry.name) });
      }
    }
  };
  await walk(root, '');
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A workspace by id, slug or name; made when there is none of that name. */
async function findWorkspace(client: Client, wanted: string): Promise<RecordObject> {
  const isId = /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(wanted);
  for (const field of isId ? ['id'] : ['slug', 'name']) {
    const { data } = await client.get<RecordObject[]>(
      `/workspaces?filter[${field}]=${encodeURIComponent(wanted)}`,
    );
    if (data[0]) return data[0];
  }
  if (isId) throw new UsageError(`There is no workspace ${wanted}.`);
  return (await client.post('workspaces', '/workspaces', { name: wanted })).data;
}

async function upload(
  client: Client,
  workspaceId: string,
  files: readonly Found[],
  progress: boolean,
): Promise<Report> {
  const report: Report = { made: 0, changed: 0, same: 0, refused: [] };
  const queue = [...files.entries()].values();
  const worker = async () => {
    for (const [index, { path, file }] of queue) {
      try {
        report[await bring(client, workspaceId, path, await readFile(file))] += 1;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        report.refused.push({ path, reason: error.message });
      }
      if (progress && process.stderr.isTTY)
        process.stderr.write(`\r${index + 1} of ${files.length}`);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  if (progress && process.stderr.isTTY) process.stderr.write('\n');
  return report;
}

async function bring(
  client: Client,
  workspaceId: string,
  path: string,
  bytes: Buffer,
): Promise<'made' | 'changed' | 'same'> {
  const workspace = { data: { type: 'workspaces', id: workspaceId } };
  const inline = bytes.length <= inlineLimit;
  const isText = inline && isUtf8(bytes) && !bytes.includes(0);
  const content = isText
    ? { content: bytes.toString('utf8') }
    : { content: bytes.toString('base64'), encoding: 'base64' };
  try {
    const { data } = await client.post(
      'files',
      '/files',
      { path, ...(inline ? content : {}) },
      { workspace },
    );
    if (!inline) await client.putContent(data.id, bytes);
    return 'made';
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
    const query = `filter[workspace][id]=${workspaceId}&filter[path]=${encodeURIComponent(path)}`;
    const { data } = await client.get<RecordObject[]>(`/files?${query}`);
    if (!data[0]) throw error;
    if (Buffer.compare(await client.content(data[0].id), bytes) === 0) return 'same';
    await client.putContent(data[0].id, bytes);
    return 'changed';
  }
}
