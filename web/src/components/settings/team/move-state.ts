import { storageTexts as texts } from '../../../messages/storage.ts';
import { messages } from '../../../messages.ts';
import type { StorageMove } from '../../../types/records.ts';
import { bytes } from '../../format.ts';

/** How far a move is, or what became of it, in words. */
export function stateOf(move: Omit<StorageMove, 'workspace'>): string {
  const { status, backend, reason, done, total, bytes: size } = move;
  const to = texts.backends[backend];
  if (status === 'succeeded') return texts.moved(to, done, bytes(size));
  if (status === 'cancelled') return texts.stopped(to, done);
  if (status === 'failed')
    return texts.notMoved(to, reason ?? messages.errors.unexpected, done, total ?? 0);
  return status === 'queued' || total === null ? texts.waiting(to) : texts.moving(to, done, total);
}
