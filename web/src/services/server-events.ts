import { send } from './client.ts';

export type ServerEvent = { id: string; event: string; data: string };

type Following = {
  signal: AbortSignal;
  /** Of the person, over all their teams. */
  personal?: boolean;
  onEvent: (event: ServerEvent) => void;
  /** What happened meanwhile is unknown. */
  onGap: () => void;
};

const firstPause = 500;
const longestPause = 15_000;

/** Reads a stream again and again, each time from where it broke off, until it is stopped. */
export async function keepFollowing(path: string, following: Following): Promise<void> {
  const { signal, personal = false, onEvent, onGap } = following;
  let lastId = '';
  let pause = firstPause;
  while (!signal.aborted) {
    try {
      for await (const event of readServerEvents(path, lastId, signal, personal)) {
        lastId = event.id || lastId;
        pause = firstPause;
        onEvent(event);
      }
    } catch {
      // A broken stream is tried again below; each place shows by itself that it is out of reach.
    }
    if (!lastId && !signal.aborted) onGap();
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, longestPause);
  }
}

/**
 * Reads one answer of server-sent events until it ends. `EventSource` cannot carry the
 * Authorization header, and a token in the address would stay in logs.
 */
export async function* readServerEvents(
  path: string,
  lastId: string,
  signal: AbortSignal,
  personal = false,
): AsyncGenerator<ServerEvent> {
  const response = await send(path, {
    headers: { accept: 'text/event-stream', ...(lastId && { 'last-event-id': lastId }) },
    signal,
    personal,
  });
  let rest = '';
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).replaceAll('\r\n', '\n').split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = parse(block);
      if (event.data) yield event;
    }
  }
}

function parse(block: string): ServerEvent {
  const event: ServerEvent = { id: '', event: 'message', data: '' };
  for (const line of block.split('\n')) {
    const [, field, value = ''] = /^([^:]+): ?(.*)$/u.exec(line) ?? [];
    if (field === 'id' || field === 'event') event[field] = value;
    else if (field === 'data') event.data += event.data ? `\n${value}` : value;
  }
  return event;
}
