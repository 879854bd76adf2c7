import { queryClient } from './query-client.ts';
import { keepFollowing } from './server-events.ts';

/** What else shows a resource of this type, so that it is read again with it. */
const shownIn: Record<string, string[]> = {
  files: ['file-versions', 'notebooks', 'tasks', 'workspaces'],
  'file-versions': ['files', 'notebooks', 'tasks'],
  notebooks: ['tasks'],
  'task-runs': ['tasks'],
  'user-teams': ['teams', 'users'],
};

/** Follows the team's events and marks what they concern as stale; returns how to stop. */
export function followEvents(): () => void {
  const stopping = new AbortController();
  void keepFollowing('/events/stream', {
    signal: stopping.signal,
    onEvent: ({ data }) => invalidate((JSON.parse(data) as { type: string }).type),
    onGap: () => void queryClient.invalidateQueries(),
  });
  return () => stopping.abort();
}

function invalidate(type: string): void {
  for (const key of [type, ...(shownIn[type] ?? [])]) {
    void queryClient.invalidateQueries({ queryKey: [key] });
  }
}
