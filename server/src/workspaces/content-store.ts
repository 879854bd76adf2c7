import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { KyozoError } from '@kyozo/resource';
import type { Queries, Tenant } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import { type Backend, chooseBackend, type Traits } from '../storage/choose-backend.ts';
import { kindOf } from '../storage/content-kind.ts';
import { StorageError } from '../storage/errors.ts';
import { blobOf, type FileChange, type FileMode, LARGE, PathClash } from '../storage/git.ts';
import type { ByteRange, Scope, Stored } from '../storage/storage.ts';
import type { Storages } from '../storage/storages.ts';
import { type FindCells, type Found, findNotebook } from './find-notebook.ts';
import { pointerText } from './lfs.ts';
import { type Body, heldLimit, settle } from './spool.ts';

/** What the store needs to know of a file; names are the columns'. */
export type FileRow = {
  id: string;
  team_id: string;
  workspace_id: string;
  path: string;
  content_type: string;
  size: number;
  version: number;
  storage_backend: Backend | null;
  address: string | null;
  sha256: string | null;
  live: boolean;
  executable: boolean;
  deleted_at: Date | null;
  updated_at: Date;
  row_version: string;
};

/** Where some bytes of a file lie. */
export type Located = Pick<FileRow, 'workspace_id' | 'storage_backend' | 'address'>;

/** Bytes that have been stored, and what follows from them for the file and the tree. */
export type Content = Stored & {
  backend: Backend;
  /** Where it belongs; another stands in for one that is down. */
  wanted: Backend;
  contentType: string;
  live: boolean;
  treeAddress: string;
  /** What `treeAddress` names, where it is stored nowhere yet: the commit makes it durable. */
  staged?: Uint8Array;
  /** The notebook that it is, where it is one. */
  found?: Found | undefined;
};
/** What the sender says of a body: its media type, and its bytes when they are known before it has come. */
export type Said = { contentType?: string; size?: number };

/** The bytes of files: the rules choose a backend, the tree in git gets them or a pointer to them. */
export class ContentStore {
  readonly #database: Queries;
  readonly #storages: Storages;
  readonly #temporary: string;
  readonly #findCells: FindCells;

  /** `temporary` is a folder for bodies whose kind only their end tells. */
  constructor(database: Queries, storages: Storages, temporary: string, findCells: FindCells) {
    this.#database = database;
    this.#storages = storages;
    this.#temporary = temporary;
    this.#findCells = findCells;
  }

  /** Stores content of any size, durably; it is nobody's until a transaction names it. */
  async put(
    tenant: Tenant,
    where: { workspaceId: string; path: string },
    given: Body,
    said: Said = {},
  ): Promise<Content> {
    const { staged, ...content } = await this.stage(tenant, where, given, said);
    const scope = { teamId: tenant.teamId, workspaceId: where.workspaceId };
    if (staged) await this.#storages.git.put(scope, staged).catch(fromStorage);
    return content;
  }

  /** As `put`, but what goes to git and is small is left to the commit, which syncs once for both. */
  async stage(
    tenant: Tenant,
    { workspaceId, path }: { workspaceId: string; path: string },
    given: Body,
    said: Said = {},
  ): Promise<Content> {
    const scope = { teamId: tenant.teamId, workspaceId };
    const settled = await settle(path, given, said.size, this.#temporary).catch(fromStorage);
    const { kind, size, body } = settled;
    try {
      const wanted = await this.choose(scope, { ...kind, size });
      const small = wanted === 'git' && body instanceof Uint8Array && body.length <= LARGE;
      const stored = small
        ? { ...blobOf(body), backend: wanted }
        : await this.#storages.put(wanted, scope, body).catch(fromStorage);
      const asked = said.contentType;
      const contentType = kind.text && asked?.startsWith('text/') ? asked : kind.contentType;
      const live = kind.text && stored.size <= heldLimit;
      const text = live && body instanceof Uint8Array ? body : undefined;
      const found = text && (await this.find(tenant, path, text));
      const content = { ...stored, wanted, contentType, live, found };
      if (small) return { ...content, treeAddress: stored.address, staged: body };
      if (content.backend === 'git') return { ...content, treeAddress: stored.address };
      const pointer = Buffer.from(pointerText(content));
      return { ...content, treeAddress: blobOf(pointer).address, staged: pointer };
    } finally {
      await settled.release();
    }
  }

  /** Where content of these traits goes, in this workspace. */
  async choose(scope: Scope, traits: Traits): Promise<Backend> {
    // Text is most of what comes, and goes to git whatever the workspace has chosen.
    if (chooseBackend(traits) === 'git') return 'git';
    return chooseBackend(traits, await chosenBackend(this.#database, scope));
  }

  /**
   * Settles what a blob that is in the repository already is, as content of `path`; what the rules keep
   * outside git is copied there.
   */
  async adopt(
    tenant: Tenant,
    workspaceId: string,
    path: string,
    blob: string,
    bytes: Uint8Array,
  ): Promise<Content> {
    const kind = await kindOf(path, bytes);
    const backend = chooseBackend({ ...kind, size: bytes.length });
    if (backend !== 'git') return this.put(tenant, { workspaceId, path }, bytes);
    const live = kind.text && bytes.length <= heldLimit;
    return {
      address: blob,
      size: bytes.length,
      sha256: hash('sha256', bytes),
      ...{ backend, wanted: backend },
      contentType: kind.contentType,
      ...{ live, found: live ? await this.find(tenant, path, bytes) : undefined },
      treeAddress: blob,
    };
  }

  /** The notebook that a text is at a path. */
  find({ teamId }: Tenant, path: string, text: Uint8Array): Promise<Found | undefined> {
    return findNotebook(this.#findCells, teamId, path, text);
  }

  /** The bytes of a file's newest or an older version; `range.end` is not part of it. */
  async read(reader: Tenant, row: Located, range?: ByteRange): Promise<Readable> {
    if (!row.address || !row.storage_backend) return Readable.from([]);
    const scope = { teamId: reader.teamId, workspaceId: row.workspace_id };
    return this.#storages
      .for(row.storage_backend)
      .get(scope, row.address, range)
      .catch(fromStorage);
  }

  async bytes(reader: Tenant, row: Located): Promise<Buffer> {
    const chunks: Buffer[] = [];
    // Node's own `buffer` makes a Blob on the way, which takes longer than a small file's read.
    for await (const chunk of await this.read(reader, row)) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }
}

/** A file's newest bytes in the tree: themselves, or a Git LFS pointer to what lies outside git. */
export function rowInTree(path: string, row: FileRow): FileChange {
  const mode = modeOf(row);
  if (row.storage_backend === 'git') return { path, address: row.address, mode };
  const pointer = pointerText({ sha256: row.sha256!, size: row.size });
  return { path, content: Buffer.from(pointer), mode };
}

/** The same for content that a commit is to bring. */
export const inTree = (
  path: string,
  { treeAddress, staged }: Content,
  executable?: boolean,
): FileChange => {
  const mode = modeOf({ executable });
  return staged ? { path, content: staged, mode } : { path, address: treeAddress, mode };
};

/** Git's mode of a file; undefined leaves the one that the tree has. */
const modeOf = ({ executable }: { executable?: boolean }): FileMode | undefined =>
  executable === undefined ? undefined : executable ? '100755' : '100644';

/** Where a workspace has chosen to keep what lies outside git, if it has. */
export async function chosenBackend(
  database: Queries,
  { teamId, workspaceId }: Scope,
): Promise<Backend | null> {
  const [row] = await database.rows<{ storage_backend: Backend | null }>(
    { teamId },
    sql`select storage_backend from workspaces where id = ${workspaceId}`,
  );
  return row?.storage_backend ?? null;
}

/** Turns a storage's failure into an answer. */
export function fromStorage(error: unknown): never {
  if (error instanceof PathClash) {
    const source = { pointer: '/data/attributes/path' };
    throw new KyozoError('conflict', error.message, { source, cause: error });
  }
  // A body's own failure, which the storage has met while it read.
  if (error instanceof StorageError && error.cause instanceof KyozoError) throw error.cause;
  if (!(error instanceof StorageError)) throw error;
  const code =
    error.code === 'storage_full'
      ? 'storage_full'
      : error.code === 'storage_not_found'
        ? 'not_found'
        : 'unavailable';
  throw new KyozoError(code, error.message, { cause: error });
}
