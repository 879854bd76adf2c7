/** Applies changes of paths to a tree, touching only the folders on the way. */
import {
  compareEntries,
  encodeTree,
  type FileMode,
  objectId,
  TREE_MODE,
  type TreeEntry,
} from './objects.ts';

/** `address: null` removes the file. */
export type Change = { path: string; address: string | null; mode?: FileMode | undefined };

export type EditContext = {
  /** The entries of a stored tree; never changed by the edit. */
  read(oid: string): Promise<readonly TreeEntry[]>;
  /** Called for each new tree, innermost first. */
  write(oid: string, body: Buffer, entries: readonly TreeEntry[]): void;
};

/** A file stands where the change needs a folder, or a folder where it needs a file. */
export class PathClash extends Error {
  readonly code = 'path_clash';
  readonly path: string;
  constructor(path: string) {
    super(`A file and a folder clash at "${path}".`);
    this.path = path;
    this.name = 'PathClash';
  }
}

type Step = { segments: string[]; change: Change };

/** The id of the tree after `changes`; `root` undefined is the empty tree. Errors: PathClash. */
export async function editTree(
  context: EditContext,
  root: string | undefined,
  changes: readonly Change[],
): Promise<string> {
  const steps = changes.map((change) => ({ segments: change.path.split('/'), change }));
  const entries = await editFolder(context, root, steps, 0);
  return store(context, entries);
}

async function editFolder(
  context: EditContext,
  oid: string | undefined,
  steps: Step[],
  depth: number,
): Promise<TreeEntry[]> {
  const byName = new Map<string, TreeEntry>();
  for (const entry of oid ? await context.read(oid) : []) byName.set(entry.name, entry);
  // Removals first, then folders, then files: in one commit a file may become a folder and back.
  const here = steps.filter(({ segments }) => segments.length === depth + 1);
  const below = steps.filter(({ segments }) => segments.length > depth + 1);
  for (const { segments, change } of here) {
    if (change.address === null) removeFile(byName, segments[depth]!);
  }
  for (const [name, inside] of Map.groupBy(below, ({ segments }) => segments[depth]!)) {
    await editBelow(context, byName, name, inside, depth);
  }
  for (const { change } of here) if (change.address !== null) setFile(byName, change);
  return [...byName.values()];
}

function removeFile(byName: Map<string, TreeEntry>, name: string): void {
  if (byName.get(name)?.mode !== TREE_MODE) byName.delete(name);
}

async function editBelow(
  context: EditContext,
  byName: Map<string, TreeEntry>,
  name: string,
  steps: Step[],
  depth: number,
): Promise<void> {
  const current = byName.get(name);
  const folder = current?.mode === TREE_MODE ? current.oid : undefined;
  const adds = steps.find((step) => step.change.address !== null);
  if (current && !folder && adds) throw new PathClash(adds.change.path);
  if (current && !folder) return;
  const entries = await editFolder(context, folder, steps, depth + 1);
  if (entries.length === 0) byName.delete(name);
  else byName.set(name, { mode: TREE_MODE, name, oid: store(context, entries) });
}

function setFile(byName: Map<string, TreeEntry>, change: Change): void {
  const name = change.path.slice(change.path.lastIndexOf('/') + 1);
  const current = byName.get(name);
  if (current?.mode === TREE_MODE) throw new PathClash(change.path);
  const mode = change.mode ?? current?.mode ?? '100644';
  byName.set(name, { mode, name, oid: change.address! });
}

function store(context: EditContext, entries: TreeEntry[]): string {
  entries.sort(compareEntries);
  const body = encodeTree(entries);
  const oid = objectId('tree', body);
  context.write(oid, body, entries);
  return oid;
}
