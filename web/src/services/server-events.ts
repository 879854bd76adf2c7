import { send } from './client.ts';

export type ServerEvent = { id: string; event: string; data: string };

/**
 * Reads one answer of server-sent events until it ends. `EventSource` cannot carry the
 * Authorization header, and a token in the address would stay in logs.
 */
export async function* readServerEvents(
  path: string,
  lastId: string,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent> {
  const response = await send(path, {
    headers: { accept: 'text/event-stream', ...(lastId && { 'last-event-id': lastId }) },
    signal,
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
