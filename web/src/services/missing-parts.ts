import { messages } from '../messages.ts';
import { tellToReload } from '../ui/toast/index.ts';
import { isAnswering } from './connection.svelte.ts';

const failures = /dynamically imported module|importing a module script failed|preload css/iu;
let isTold = false;

/**
 * A part of the app that is loaded when needed may be missing: after an upgrade the server has other
 * parts, and without a network it has none. Says which, instead of a click that does nothing.
 */
export function watchMissingParts(): void {
  addEventListener('vite:preloadError', () => void tell());
  addEventListener('unhandledrejection', ({ reason }) => {
    if (reason instanceof Error && failures.test(reason.message)) void tell();
  });
}

async function tell(): Promise<void> {
  if (isTold) return;
  isTold = true;
  const text = (await isAnswering()) ? messages.errors.newVersion : messages.errors.partOffline;
  tellToReload(text, () => {
    isTold = false;
  });
}
