import { isUtf8 } from 'node:buffer';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, posix, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import picomatch from 'picomatch';
import { ApiError, Client, type RecordObject, UsageError } from '../client.ts';
import { findWorkspace } from '../find-workspace.ts';
import { importZip } from '../import-zip.ts';

/** Files go up this many at a time; the server makes versions of one workspace one after the other. */
const parallel = 8;
/** Larger content goes up as raw bytes instead of inside a JSON document. */
const inlineLimit = 4 * 2 ** 20;
/** Windows has no executable bit: there the server's stays. */
const hasModes = process.platform !== 'win32';

/** `kyozo import FILE|DIR|ZIP [--workspace W] [--include GLOB]`: brings files into a workspace. */
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
    throw new UsageError('Usage: kyozo import FILE|DIR|ZIP [--workspace W] [--include GLOB]');
  const client = Client.fromEnvironment(process.env);
  const root = resolve(source);
  const info = await stat(root).catch(() => undefined);
  if (!info) throw new UsageError(`There is no ${source}.`);
  if (info.isFile() && /\.zip$/i.test(root)) {
    if (values.include) throw new UsageError('--include is for folders.');
    const name = values.workspace ?? basename(root).slice(0, -4);
    return importZip(client, await findWorkspace(client, name), root, values.quiet !== true);
  }
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
        report[await bring(client, workspaceId, path, file)] += 1;
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
  file: string,
): Promise<'made' | 'changed' | 'same'> {
  const workspace = { data: { type: 'workspaces', id: workspaceId } };
  const { size, mode } = await stat(file);
  const executable = hasModes && (mode & 0o100) !== 0;
  // What is large is streamed, and never held.
  const bytes = size <= inlineLimit ? await readFile(file) : undefined;
  try {
    const { data } = await client.post(
      'files',
      '/files',
      { path, executable, ...inline(bytes) },
      { workspace },
    );
    if (!bytes) await client.putContent(data.id, file);
    return 'made';
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
    const query = `filter[workspace][id]=${workspaceId}&filter[path]=${encodeURIComponent(path)}`;
    const find = async () => (await client.get<RecordObject[]>(`/files?${query}`)).data[0];
    const found = await find();
    if (!found) throw error;
    // Equal content makes no version.
    await client.putContent(found.id, file);
    const isMode = hasModes && executable !== found.attributes.executable;
    if (isMode) await client.patch(found, { executable });
    const written = await find();
    const isSame = !isMode && written?.attributes.version === found.attributes.version;
    return isSame ? 'same' : 'changed';
  }
}

/** Small content as part of the document. */
function inline(bytes: Buffer | undefined): object {
  if (!bytes) return {};
  return isUtf8(bytes) && !bytes.includes(0)
    ? { content: bytes.toString('utf8') }
    : { content: bytes.toString('base64'), encoding: 'base64' };
}
