import { SvelteMap } from 'svelte/reactivity';
import { messages } from '../../messages.ts';
import { navigate, p } from '../../router.ts';
import { notifications } from '../../services/notifications.ts';
import { queryClient } from '../../services/query-client.ts';
import { session } from '../../services/session.svelte.ts';
import type { Notification } from '../../types/records.ts';
import { tellError, tellWithUndo } from '../../ui/toast/index.ts';
import { switchTeam } from '../teams/switching.ts';

const texts = messages.notifications;
const undoTime = 8_000;

/** Gone from the screen, and from the server as soon as nobody can undo it any more. */
const doomed = new SvelteMap<string, ReturnType<typeof setTimeout>>();
addEventListener('pagehide', () => {
  for (const [id, timer] of doomed) {
    clearTimeout(timer);
    void notifications.remove(id, true).catch(() => undefined);
  }
});

/** Those that nobody has just deleted. */
export function shown(all: readonly Notification[]): Notification[] {
  return all.filter(({ id }) => !doomed.has(id));
}

/** What happened, in a sentence. */
export function sentenceOf({ kind, data }: Notification): string {
  return messages.notifications.kinds[kind]?.(data) ?? texts.unknownKind;
}

/** Where one can do something about it; undefined where there is nothing to do. */
export function leadsTo({ kind, team }: Notification): string | undefined {
  if (kind.startsWith('security.'))
    return p('/settings/:section', { params: { section: 'security' } });
  const isOwn = session.teams.some(({ id }) => id === team?.id);
  const isAboutTeam = kind === 'invitation.accepted' || kind === 'membership.role-changed';
  if (!isOwn || !isAboutTeam) return undefined;
  return p('/settings/:section', { params: { section: 'members' } });
}

/** Marks it as read and goes where it leads, in the team that it is about. */
export async function open(notification: Notification): Promise<void> {
  const to = leadsTo(notification);
  if (!notification.readAt) void markRead(notification);
  if (!to) return;
  if (notification.team && !to.endsWith('/security')) await switchTeam(notification.team.id);
  await navigate(to as '/');
}

export async function markRead({ id }: Notification): Promise<void> {
  queryClient.setQueryData(
    notifications.unread().queryKey,
    (before) =>
      before && {
        items: before.items.filter((each) => each.id !== id),
        total: Math.max(before.total - 1, 0),
      },
  );
  await settle(texts.markRead, notifications.markRead(id));
}

export async function markAllRead(): Promise<void> {
  queryClient.setQueryData(notifications.unread().queryKey, { items: [], total: 0 });
  await settle(texts.markAllRead, notifications.markAllRead());
}

/** Deletes it, after time to think again. */
export function remove({ id }: Notification): void {
  const finish = async () => {
    await settle(texts.remove, notifications.remove(id));
    doomed.delete(id);
  };
  doomed.set(
    id,
    setTimeout(() => void finish(), undoTime),
  );
  tellWithUndo(texts.removed, () => {
    clearTimeout(doomed.get(id));
    doomed.delete(id);
  });
}

async function settle(what: string, work: Promise<void>): Promise<void> {
  await work.catch((error: unknown) => tellError(what, error));
  await queryClient.invalidateQueries({ queryKey: ['notifications'] });
}
