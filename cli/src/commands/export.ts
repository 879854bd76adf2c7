import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { Client, type RecordObject, UsageError } from '../client.ts';
import { lookUpWorkspace } from '../find-workspace.ts';
import { showProgress } from '../progress.ts';

const usage = 'Usage: kyozo export --workspace W --to DIR|ZIP';

/** `kyozo export --workspace W --to DIR|ZIP`: writes a workspace's files to a folder, or into one zip. */
export async function exportFiles(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      workspace: { type: 'string' },
      to: { type: 'string' },
      quiet: { type: 'boolean' },
    },
  });
  if (!values.workspace || !values.to) throw new UsageError(usage);
  const client = Client.fromEnvironment(process.env);
  const workspace = await lookUpWorkspace(client, values.workspace);
  if (!workspace) throw new UsageError(`There is no workspace ${values.workspace}.`);
  const target = resolve(values.to);
  const count = /\.zip$/i.test(target)
    ? await toZip(client, workspace, target, values.quiet !== true)
    : await toFolder(client, workspace, target);
  console.log(`${count} exported to ${values.to}`);
  return 0;
}

async function toZip(
  client: Client,
  workspace: RecordObject,
  target: string,
  progress: boolean,
): Promise<number> {
  const begun = await client.post('workspaces', `/workspaces/${workspace.id}/export`, {});
  const { id, attributes } = await client.ended(begun.data.id, showProgress(progress));
  if (attributes.status === 'failed') throw new Error(String(attributes.reason));
  await save(await client.download(`/transfers/${id}/content`), target);
  return attributes.done as number;
}

/** Files one by one, below the folder; what is there and not in the workspace is left alone. */
async function toFolder(client: Client, workspace: RecordObject, target: string): Promise<number> {
  if ((await stat(target).catch(() => undefined))?.isFile()) throw new UsageError(usage);
  await mkdir(target, { recursive: true });
  let count = 0;
  const first = `/workspaces/${workspace.id}/files?page[size]=100`;
  for (let next: string | null | undefined = first; next; ) {
    const page: { data: RecordObject[]; links?: { next?: string | null } } =
      await client.get<RecordObject[]>(next);
    for (const file of page.data) {
      const path = below(target, file.attributes.path as string);
      await mkdir(dirname(path), { recursive: true });
      const mode = file.attributes.executable ? 0o777 : 0o666;
      await save(await client.download(`/files/${file.id}/content`), path, mode);
      count += 1;
    }
    next = page.links?.next;
  }
  return count;
}

/** Where a file goes. A server has its rules for paths; this machine does not rely on them. */
function below(folder: string, path: string): string {
  const unsafe = path.split('/').some((part) => part === '' || part === '.' || part === '..');
  if (unsafe || /[\\\0]/.test(path) || /^[a-z]:/i.test(path))
    throw new Error(`The server names a file that cannot be one: ${JSON.stringify(path)}.`);
  return join(folder, path);
}

/** Writes a file whole or not at all, in a mode that the umask narrows. */
async function save(body: ReadableStream<Uint8Array>, path: string, mode = 0o666): Promise<void> {
  const part = `${path}.part`;
  try {
    await pipeline(body, createWriteStream(part, { flush: true, mode }));
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}
