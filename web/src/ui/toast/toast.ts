import { toast } from 'svelte-sonner';
import { messages } from '../../messages.ts';
import { readableError } from '../../services/errors.ts';

/** Says that something was done. */
export function tell(text: string): void {
  toast(text);
}

/** How long the keys for undo take back what was done last, in milliseconds. */
const undoTime = 60_000;
let lastUndo: { run: () => void; until: number } | undefined;

/** Says that something was done and offers to take it back: by the button, or by `undoLast`. */
export function tellWithUndo(text: string, undo: () => void): void {
  const run = () => {
    if (lastUndo?.run === run) lastUndo = undefined;
    toast.dismiss(id);
    undo();
  };
  const action = { label: messages.common.undo, onClick: run };
  const id = toast(text, { duration: 8000, action });
  lastUndo = { run, until: Date.now() + undoTime };
}

/** Takes back what was done last; false when there is nothing to take back. */
export function undoLast(): boolean {
  if (!lastUndo || lastUndo.until < Date.now()) return false;
  lastUndo.run();
  return true;
}

/** Offers a reload for a problem that only a reload solves; stays until it is closed. */
export function tellToReload(text: string, onDismiss: () => void): void {
  const action = { label: messages.common.reload, onClick: () => location.reload() };
  toast(text, { duration: Number.POSITIVE_INFINITY, closeButton: true, action, onDismiss });
}

type Outcome = { details: string; failed: boolean; show: () => void };

/** Says what became of something that went on in the background, and leads to it. */
export function tellOutcome(text: string, { details, failed, show }: Outcome): void {
  const action = { label: messages.common.show, onClick: show };
  (failed ? toast.error : toast)(text, { description: details, duration: 12_000, action });
}

/** Says what did not work and why; `what` names the attempt. */
export function tellError(what: string, error: unknown): void {
  toast.error(what, { description: readableError(error), duration: 8000 });
}
