import type { Actor } from '@kyozo/resource';
import { exportArchive } from '../../archives/export-archive.ts';
import { importArchive } from '../../archives/import-archive.ts';
import type { Task } from '../queue.ts';

declare module '../queue.ts' {
  interface JobData {
    /** Brings an archive in, as who asked for it. */
    'import-archive': { transferId: string; actor: Actor };
    /** Packs an archive, as who asked for it. */
    'export-archive': { transferId: string; actor: Actor };
  }
}

type Parts = Parameters<typeof importArchive>[0];

/** One at a time in a batch: each may be large, and other teams' go beside it. */
export const importTask = (parts: Parts): Task<'import-archive'> => ({
  name: 'import-archive',
  batch: 1,
  run: ({ data, signal }) => importArchive(parts, data.actor, data.transferId, signal),
});

export const exportTask = (parts: Parts): Task<'export-archive'> => ({
  name: 'export-archive',
  batch: 1,
  run: ({ data, signal }) => exportArchive(parts, data.actor, data.transferId, signal),
});
