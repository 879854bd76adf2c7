import * as Y from 'yjs';
import type { UpdateLog } from './update-log.ts';

/** Bytes that may wait in one document. An honest editor parks what it types during its handshake. */
const limit = 64 * 1024;

/**
 * Yjs parks what refers to updates that have not come, and tells nobody: no `update` event, though a
 * client is told that its update was applied. So what is parked is logged too, and bounded: beyond the
 * limit it is thrown away, and whoever sent the last of it has to begin anew.
 */
export function watchParked(
  document: Y.Doc,
  log: Pick<UpdateLog, 'append'>,
  personOf: (origin: unknown) => string | undefined,
  refuse: (origin: unknown) => void,
): void {
  const { store } = document;
  let seen: unknown[] = [null, null];
  let known = Buffer.alloc(0);
  document.on('afterTransaction', ({ origin }) => {
    const parts = [store.pendingStructs?.update ?? null, store.pendingDs];
    if (parts.every((part, index) => part === seen[index])) return;
    seen = parts;
    const bytes = Buffer.from(Y.mergeUpdatesV2(parts.filter((part) => part !== null)));
    if (bytes.length > limit) {
      store.pendingStructs = null;
      store.pendingDs = null;
      seen = [null, null];
      refuse(origin);
    } else if (parts.some((part) => part !== null) && !bytes.equals(known)) {
      log.append(Y.convertUpdateFormatV2ToV1(bytes), personOf(origin));
    }
    known = bytes;
  });
}
