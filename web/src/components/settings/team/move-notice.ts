import { storageTexts as texts } from '../../../messages/storage.ts';
import { navigate, route } from '../../../router.ts';
import type { TeamEvent } from '../../../services/events.ts';
import { queryClient } from '../../../services/query-client.ts';
import { session } from '../../../services/session.svelte.ts';
import { workspaces } from '../../../services/workspaces.ts';
import type { StorageMove } from '../../../types/records.ts';
import { tellOutcome } from '../../../ui/toast/index.ts';
import { stateOf } from './move-state.ts';

type Ended = StorageMove & { workspaceId: string; userId: string | null };

const ends = ['storage-move.finished', 'storage-move.cancelled'];
const place = '/settings/storage';

/** Tells who asked for a move that it has ended, unless they look at it. */
export async function noticeMove({ name, data }: TeamEvent): Promise<void> {
  if (!ends.includes(name) || route.pathname === place) return;
  const move = data as Ended;
  if (move.userId !== session.user?.id) return;
  const workspace = await queryClient
    .ensureQueryData(workspaces.one(move.workspaceId))
    .catch(() => undefined);
  tellOutcome(texts.ended[move.status](workspace?.name ?? texts.someWorkspace), {
    details: stateOf(move),
    failed: move.status === 'failed',
    show: () => void navigate('/settings/:section', { params: { section: 'storage' } }),
  });
}
