/** Creates bare repositories whose settings are ours, whatever the machine's git is set to. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../durable.ts';
import { errorCode } from '../errors.ts';
import { hooksFolder, repositoryFolder, temporaryFolder } from './layout.ts';

const FOLDERS = ['', 'objects', 'objects/pack', 'objects/info', 'refs', 'refs/heads', 'refs/tags'];

/** Makes the repository unless it is there; durable, and whole or not at all. */
export async function createRepository(root: string, id: string): Promise<void> {
  const repository = repositoryFolder(root, id);
  const config = configText(root);
  const current = await readFile(join(repository, 'config'), 'utf8').catch(() => undefined);
  if (current === config) return;
  if (current !== undefined) return replaceConfig(root, repository, config);
  const temporary = join(temporaryFolder(root), randomUUID());
  for (const folder of FOLDERS) await mkdir(join(temporary, folder));
  await writeDurably(join(temporary, 'HEAD'), 'ref: refs/heads/main\n');
  await writeDurably(join(temporary, 'config'), config);
  for (const folder of FOLDERS) await syncFolder(join(temporary, folder));
  try {
    await rename(temporary, repository);
  } catch (error) {
    await rm(temporary, { recursive: true });
    if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') throw error;
  }
  await syncFolder(root);
}

/** Writes a file and makes its content durable; its name is durable once its folder is synced. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', 0o644);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function replaceConfig(root: string, repository: string, config: string): Promise<void> {
  const temporary = join(temporaryFolder(root), randomUUID());
  await writeDurably(temporary, config);
  await rename(temporary, join(repository, 'config'));
  await syncFolder(repository);
}

function configText(root: string): string {
  const hooks = JSON.stringify(hooksFolder(root));
  return `[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
	hooksPath = ${hooks}
	fsync = committed,loose-object
	logAllRefUpdates = false
	protectHFS = true
	protectNTFS = true
[gc]
	auto = 0
[receive]
	fsckObjects = true
	denyDeletes = true
	denyNonFastForwards = true
[transfer]
	fsckObjects = true
[http]
	receivepack = false
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = false
[protocol]
	allow = never
`;
}
