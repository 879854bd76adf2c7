import { join } from 'node:path';
import type { BlobStore, Listed } from './blob-store.ts';
import { Breaker } from './breaker.ts';
import type { Backend } from './choose-backend.ts';
import { ContentStorage, Intake } from './content.ts';
import { openDisk } from './disk.ts';
import { Cipher, type TeamKeys } from './encrypted.ts';
import { StorageDamaged, StorageError } from './errors.ts';
import { type GitStorage, openGit } from './git.ts';
import { HybridStore } from './hybrid.ts';
import { RamStore } from './ram.ts';
import type { S3Settings } from './s3.ts';
import { Spool } from './spool.ts';
import type { Scope, Storage, Stored } from './storage.ts';

export type Placed = Stored & {
  /** Where the bytes really lie: the one that was asked for, or the one that stood in for it. */
  backend: Backend;
};

/** A place that blobs lie in, as the collection sees it; several backends may lie in one place. */
export type Place = {
  name: 'disk' | 's3' | 'ram';
  /** Rows that name one of these need their blob here. */
  serves: readonly Backend[];
  /** Rows that name this one need it here only as long as their own place has it not. */
  standsIn?: { backend: Backend; has(teamId: string, name: string): Promise<boolean> };
  /** Errors: StorageUnavailable. */
  list(teamId: string): AsyncIterable<Listed>;
  /** Whether it holds a blob. Errors: StorageUnavailable. */
  has(teamId: string, name: string): Promise<boolean>;
  remove(teamId: string, name: string): Promise<void>;
};
type Body = Uint8Array | AsyncIterable<Uint8Array>;

export interface Storages {
  /** What keeps the content that the rules send to `backend`. */
  for(backend: Backend): Storage;
  readonly git: GitStorage;
  /**
   * Stores content at `backend`, or where that is down or full at the next in a fixed order. The body is
   * read once. Errors: the first one's StorageFull or StorageUnavailable when none takes it.
   */
  put(backend: Backend, scope: Scope, body: Body): Promise<Placed>;
  /**
   * Copies content to another backend and reads it back there; the caller then repoints its rows and
   * forgets the old place. Errors: those of `get` and `put`; StorageDamaged when the copy differs.
   */
  move(scope: Scope, address: string, from: Backend, to: Backend): Promise<Placed>;
  /** Forgets content at `from` where that is not also a place of `kept`: some backends share the disk or S3. */
  forget(scope: Scope, address: string, from: Backend, kept: Backend): Promise<void>;
  /** Every place that blobs lie in. */
  readonly places: readonly Place[];
  /** Each part that content lies in; `check` rejects with StorageUnavailable. `needed`: without it nothing works. */
  readonly parts: readonly { name: string; needed: boolean; check: () => Promise<void> }[];
  /** Removes all content of a team; of what is gone already, nothing. */
  destroyTeam(teamId: string, workspaceIds: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export type StoragesOptions = {
  dataDir: string;
  s3?: S3Settings | undefined;
  /** Keys for encryption at rest; content lies in clear without them. */
  keys?: TeamKeys | undefined;
  /** The most that the memory backend holds, in bytes. */
  ramLimit?: number;
};

type BlobBackend = Exclude<Backend, 'git'>;

/** Who stands in for whom. Memory stands in for nobody: what it holds is gone with the process. */
const substitutes: Record<BlobBackend, readonly BlobBackend[]> = {
  s3: ['disk'],
  hybrid: ['disk', 's3'],
  disk: ['s3'],
  ram: ['disk', 's3'],
};

/** Opens every backend below the data folder. One process opens a data folder once. */
export async function openStorages(options: StoragesOptions): Promise<Storages> {
  const { dataDir, s3: settings, keys, ramLimit = 64 * 2 ** 20 } = options;
  const folder = join(dataDir, 'blobs');
  const disk = await openDisk(folder);
  const git = await openGit(join(dataDir, 'git'));
  const intake = new Intake(await Spool.open(join(folder, 'tmp')), keys && new Cipher(keys));
  const ram = new RamStore(ramLimit);
  // Loaded where it is used: Amazon's client takes 30 MB.
  const client = settings && new (await import('./s3.ts')).S3Store(settings);
  const s3 = client && new Breaker(client);
  // Without S3 the disk serves its name, and still holds what it served when S3 comes later.
  const stores: Record<BlobBackend, { store: BlobStore; places: readonly BlobStore[] }> = {
    disk: { store: disk, places: [disk] },
    ram: { store: ram, places: [ram] },
    s3: s3
      ? { store: new HybridStore(s3, disk, { copied: false }), places: [s3] }
      : { store: disk, places: [disk] },
    hybrid: s3
      ? { store: new HybridStore(disk, s3, { copied: true }), places: [disk, s3] }
      : { store: disk, places: [disk] },
  };
  const contents = mapValues(stores, ({ store }) => new ContentStorage(store, intake));
  const served: Record<Backend, Storage> = { git, ...contents };

  const put = async (backend: Backend, scope: Scope, body: Body): Promise<Placed> => {
    if (backend === 'git') return { ...(await git.put(scope, body)), backend };
    return intake.take(scope, body, async (stored, parcel) => {
      let first: unknown;
      const tried = new Set<BlobStore>();
      for (const at of [backend, ...substitutes[backend]]) {
        const { store } = stores[at];
        if (tried.has(store)) continue;
        tried.add(store);
        try {
          await contents[at].write(scope, stored.address, parcel);
          return { ...stored, backend: at };
        } catch (error) {
          if (!isElsewhere(error)) throw error;
          first ??= error;
        }
      }
      throw first;
    });
  };

  return {
    for: (backend) => served[backend],
    git,
    put,
    async move(scope, address, from, to) {
      const copied = await served[to].put(scope, await served[from].get(scope, address));
      if (to !== 'git' && from !== 'git' && copied.address !== address)
        throw new StorageDamaged('A copy has another address.');
      // What is opened under an address is what was stored under it.
      for await (const _ of await served[to].get(scope, copied.address));
      return { ...copied, backend: to };
    },
    async forget(scope, address, from, kept) {
      if (from === 'git') return;
      const keeping = kept === 'git' ? [] : stores[kept].places;
      for (const place of stores[from].places)
        if (!keeping.includes(place)) await place.remove(scope.teamId, address);
    },
    places: [
      {
        name: 'disk',
        ...place(disk),
        serves: s3 ? ['disk', 'hybrid'] : ['disk', 'hybrid', 's3'],
        ...(s3 && {
          standsIn: {
            backend: 's3',
            has: async (teamId, name) => (await s3.size(teamId, name)) !== undefined,
          },
        }),
      },
      ...(s3 ? [{ name: 's3' as const, ...place(s3), serves: ['s3', 'hybrid'] as const }] : []),
      { name: 'ram', ...place(ram), serves: ['ram'] },
    ],
    parts: [
      { name: 'storage:disk', needed: true, check: () => disk.check() },
      ...(s3 ? [{ name: 'storage:s3', needed: false, check: () => s3.check() }] : []),
    ],
    async destroyTeam(teamId, workspaceIds) {
      for (const workspaceId of workspaceIds) await git.destroy(workspaceId);
      for (const store of [disk, ram, s3]) await store?.destroy(teamId);
    },
    async close() {
      await git.close();
      client?.close();
    },
  };
}

const place = (store: BlobStore): Pick<Place, 'list' | 'has' | 'remove'> => ({
  list: (teamId) => store.list(teamId),
  has: async (teamId, name) => (await store.size(teamId, name)) !== undefined,
  remove: (teamId, name) => store.remove(teamId, name),
});

const isElsewhere = (error: unknown) =>
  error instanceof StorageError &&
  (error.code === 'storage_unavailable' || error.code === 'storage_full');

function mapValues<Key extends string, From, To>(
  values: Record<Key, From>,
  change: (value: From) => To,
): Record<Key, To> {
  const entries = Object.entries(values) as [Key, From][];
  return Object.fromEntries(entries.map(([key, value]) => [key, change(value)])) as Record<Key, To>;
}
