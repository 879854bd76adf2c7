/** Objects inside packs, read by libgit2; only pushes and imports make packs here. */
import type { Repository } from 'es-git';
import { StorageNotFound } from '../errors.ts';
import type { CommitFields, ObjectType, TreeEntry } from './objects.ts';

export type PackedObject = {
  type: ObjectType;
  /** Of a blob; 0 for other types. */
  size: number;
  content(): Buffer;
  entries(): TreeEntry[];
  commit(): CommitFields;
};

/** Looks an object up, once. Errors: StorageNotFound, also when it has another type than asked for. */
export function openPacked(repository: Repository, oid: string): PackedObject {
  const object = orNotFound(() => repository.getObject(oid));
  const type = object.type()?.toLowerCase() as ObjectType;
  const blob = type === 'blob' ? object.peelToBlob() : undefined;
  return {
    type,
    size: blob ? Number(blob.size()) : 0,
    content: () => orNotFound(() => asBuffer((blob ?? object.peelToBlob()).content())),
    entries: () => orNotFound(() => readEntries(repository, oid)),
    commit: () => orNotFound(() => readCommit(repository, oid)),
  };
}

const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

function readEntries(repository: Repository, oid: string): TreeEntry[] {
  const tree = repository.getTree(oid);
  return Array.from({ length: Number(tree.len()) }, (_, at) => {
    const entry = tree.get(at)!;
    return { mode: entry.filemode().toString(8), name: entry.name(), oid: entry.id() };
  });
}

function readCommit(repository: Repository, oid: string): CommitFields {
  const commit = repository.getCommit(oid);
  return {
    tree: commit.treeId(),
    parents: readParents(repository, oid),
    author: textOr(UNREADABLE, () => {
      const { name, email } = commit.author();
      return { name, email };
    }),
    message: textOr('\ufffd', () => commit.message()),
    date: commit.time(),
  };
}

const UNREADABLE = { name: '\ufffd', email: '' };

/** libgit2's binding refuses text that is not UTF-8; who shows a commit reads it by git. */
function textOr<T>(unreadable: T, read: () => T): T {
  try {
    return read();
  } catch {
    return unreadable;
  }
}

function readParents(repository: Repository, oid: string): string[] {
  const parents: string[] = [];
  for (;;) {
    try {
      parents.push(repository.revparseSingle(`${oid}^${parents.length + 1}`));
    } catch {
      // libgit2's binding lists no parents; the first that is missing ends the list.
      return parents;
    }
  }
}

function orNotFound<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new StorageNotFound(error);
  }
}
