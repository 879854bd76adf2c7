import { queryClient } from './query-client.ts';
import { keepFollowing } from './server-events.ts';

/** What else shows a resource of this type, so that it is read again with it. */
const shownIn: Record<string, string[]> = {
  branches: ['workspaces'],
  files: ['folders', 'file-versions', 'notebooks', 'tasks', 'workspaces'],
  'file-versions': ['files', 'notebooks', 'tasks'],
  notebooks: ['tasks'],
  pictures: ['files'],
  'storage-moves': ['workspaces'],
  'task-runs': ['tasks'],
  'user-teams': ['teams', 'users'],
};

/** What happened to a record, and the record as it is since. */
export type TeamEvent = { name: string; type: string; recordId: string; data: unknown };

/** Follows the team's events and marks what they concern as stale; returns how to stop. */
export function followEvents(onEvent: (event: TeamEvent) => void): () => void {
  const stopping = new AbortController();
  void keepFollowing('/events/stream', {
    signal: stopping.signal,
    onEvent: ({ data }) => {
      const event = JSON.parse(data) as TeamEvent;
      invalidate(event.type);
      onEvent(event);
    },
    onGap: () => void queryClient.invalidateQueries(),
  });
  return () => stopping.abort();
}

/** How long what comes together is gathered, in milliseconds. */
const gathering = 50;
const stale = new Set<string>();
let isReading = false;

function invalidate(type: string): void {
  for (const key of [type, ...(shownIn[type] ?? [])]) stale.add(key);
  if (!isReading) void readAgain();
}

/**
 * Reads what is stale, and once that is here, what became stale meanwhile: a thousand uploads would
 * else start a list of a thousand files a thousand times, each time breaking off the one before.
 */
async function readAgain(): Promise<void> {
  isReading = true;
  while (stale.size > 0) {
    await new Promise((resolve) => setTimeout(resolve, gathering));
    const keys = [...stale];
    stale.clear();
    const readings = keys.map((key) => queryClient.invalidateQueries({ queryKey: [key] }));
    await Promise.allSettled(readings);
  }
  isReading = false;
}
