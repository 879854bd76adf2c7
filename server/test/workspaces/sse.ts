import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { Person } from '../support/api.ts';

export type SseEvent = { id?: string; event?: string; data: unknown };

/** Reads server-sent events one by one; `next` answers undefined when the stream has ended. */
export async function follow(person: Person, path: string, lastEventId?: string) {
  const headers: Record<string, string> = lastEventId ? { 'last-event-id': lastEventId } : {};
  const response = await person.fetch(path, { headers });
  if (response.status !== 200) throw new Error(`${path}: ${response.status}`);
  const body = Readable.fromWeb(response.body as never);
  const lines = createInterface({ input: body })[Symbol.asyncIterator]();
  return {
    async next(): Promise<SseEvent | undefined> {
      const event: Partial<SseEvent> = {};
      for (;;) {
        const { value, done } = await lines.next();
        if (done) return undefined;
        const [, field, text] = /^(id|event|data): (.*)$/.exec(value) ?? [];
        if (field === 'data') event.data = JSON.parse(text!);
        else if (field) event[field as 'id' | 'event'] = text;
        if (value === '' && 'data' in event) return event as SseEvent;
      }
    },
    async close(): Promise<void> {
      body.on('error', () => undefined);
      body.destroy();
    },
  };
}
