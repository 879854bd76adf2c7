import { hkdfSync } from 'node:crypto';
import { join } from 'node:path';
import type { BlobStore } from '../../src/storage/blob-store.ts';
import { ContentStorage, Intake } from '../../src/storage/content.ts';
import { Cipher, type TeamKeys } from '../../src/storage/encrypted.ts';
import { StorageDamaged } from '../../src/storage/errors.ts';
import { Spool } from '../../src/storage/spool.ts';

/** A blob store as a Storage, with keys of the test's own or in clear. */
export async function content(folder: string, store: BlobStore, encrypted: boolean) {
  const spool = await Spool.open(join(folder, 'tmp'));
  const cipher = encrypted ? new Cipher(new FixedKeys()) : undefined;
  return {
    storage: new ContentStorage(store, new Intake(spool, cipher)),
    close: async () => undefined,
  };
}

/** Keys that follow from the team and the generation, so that they are there after a restart. */
export class FixedKeys implements TeamKeys {
  newest = 1;

  async current(teamId: string) {
    return this.generation(teamId, this.newest);
  }

  async generation(teamId: string, generation: number) {
    if (generation < 1 || generation > this.newest)
      throw new StorageDamaged('There is no such key.');
    const key = Buffer.from(hkdfSync('sha256', teamId, '', `key ${generation}`, 32));
    return { generation, key };
  }
}
