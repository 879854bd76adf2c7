import { messages } from '../../messages.ts';
import type { Transfer } from '../../types/records.ts';
import { bytes } from '../format.ts';

const texts = messages.transfers;

/** How far an archive is, in words. */
export function stateOf(transfer: Transfer): string {
  const { kind, status, reason, total, done, refused, size } = transfer;
  if (status === 'failed') return reason ?? messages.errors.unexpected;
  if (status === 'succeeded')
    return kind === 'import'
      ? texts.imported(done - refused, refused)
      : texts.packed(done, bytes(size ?? 0));
  if (status === 'queued' || total === null) return texts.queued;
  return kind === 'import' ? texts.unpacking(done, total) : texts.packing(done, total);
}

/** In hundredths. */
export function percentOf({ total, done }: Transfer): number {
  return total ? (done / total) * 100 : 0;
}

/** Whether an exported archive can be fetched. */
export function isKept(transfer: Transfer): boolean {
  const { kind, status, expiresAt } = transfer;
  return kind === 'export' && status === 'succeeded' && Date.parse(expiresAt) > Date.now();
}

/** The workspace and folder that an import goes to, as a line of text. */
export function destination(transfer: Transfer): string {
  return [workspaceName(transfer), transfer.folderPath].filter(Boolean).join(' / ');
}

/** The name of the workspace, or '' where it is not known. */
export function workspaceName({ workspace }: Transfer): string {
  return workspace && 'name' in workspace ? workspace.name : '';
}
