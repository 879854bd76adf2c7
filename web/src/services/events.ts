import { queryClient } from './query-client.ts';
import { readServerEvents } from './server-events.ts';

type Event = { id: string; type: string; name: string; recordId: string };

/** What else shows a resource of this type, so that it is read again with it. */
const shownIn: Record<string, string[]> = {
  files: ['file-versions', 'notebooks', 'tasks', 'workspaces'],
  'file-versions': ['files', 'notebooks', 'tasks'],
  notebooks: ['tasks'],
  'task-runs': ['tasks'],
  'user-teams': ['teams', 'users'],
};

const firstPause = 500;
const longestPause = 15_000;

/** Follows the team's events and marks what they concern as stale; returns how to stop. */
export function followEvents(onEvent: (event: Event) => void = () => {}): () => void {
  const stopping = new AbortController();
  void follow(stopping.signal, onEvent);
  return () => stopping.abort();
}

async function follow(signal: AbortSignal, onEvent: (event: Event) => void): Promise<void> {
  let lastId = '';
  let pause = firstPause;
  while (!signal.aborted) {
    try {
      for await (const { id, data } of readServerEvents('/events/stream', lastId, signal)) {
        lastId = id || lastId;
        pause = firstPause;
        const event = JSON.parse(data) as Event;
        invalidate(event.type);
        onEvent(event);
      }
    } catch {
      // A broken stream is tried again below; each place shows by itself that it is out of reach.
    }
    // Without a number to resume from, what happened meanwhile is unknown: read everything again.
    if (!lastId && !signal.aborted) void queryClient.invalidateQueries();
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, longestPause);
  }
}

function invalidate(type: string): void {
  for (const key of [type, ...(shownIn[type] ?? [])]) {
    void queryClient.invalidateQueries({ queryKey: [key] });
  }
}
