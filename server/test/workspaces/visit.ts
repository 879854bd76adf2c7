import { HocuspocusProvider } from '@hocuspocus/provider';
import type { Person } from '../support/api.ts';

/** Documents that are opened at the same time. */
const parallel = 8;

/** A seeded choice of some; all of them when `count` is not given. */
export function choose<T>(items: readonly T[], seed: number, count = items.length): T[] {
  const rest = [...items];
  let state = seed;
  const chosen: T[] = [];
  while (chosen.length < count && rest.length > 0) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    chosen.push(...rest.splice(Math.floor((state / 2 ** 32) * rest.length), 1));
  }
  return chosen;
}

/**
 * Opens files as live documents, asks for each to be recorded as it stands, and leaves without an edit.
 * Answers the ids of those that asking gave a new version, which none should be.
 */
export async function visit(person: Person, fileIds: readonly string[]): Promise<string[]> {
  const changed: string[] = [];
  const queue = fileIds.values();
  const worker = async () => {
    for (const id of queue) {
      const provider = await open(person, id);
      const answer = await person.post(`/files/${id}/versions`, 'file-versions');
      if (answer.status === 201) changed.push(id);
      else if (answer.status !== 200) throw new Error(`versions of ${id}: ${answer.status}`);
      provider.destroy();
      provider.document.destroy();
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return changed;
}

/** A file as a live document, synced. */
export function open(person: Person, fileId: string): Promise<HocuspocusProvider> {
  return new Promise((resolve, reject) => {
    const provider = new HocuspocusProvider({
      url: `${person.url.replace(/^http/, 'ws')}/collaboration`,
      name: fileId,
      token: person.token!,
      onSynced: () => resolve(provider),
      onAuthenticationFailed: ({ reason }) => reject(new Error(`${fileId}: ${reason}`)),
    });
  });
}
