import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';

/** A silent stream says this often that it lives, in milliseconds. */
const keepAlive = 12_000;
/** A reader is told at most this often, so that a burst of changes is a few reads. */
const pause = 50;

export type ServerEvent = { id?: string; event?: string; data: unknown };

/**
 * A reply as server-sent events. Writing waits for a slow reader; `endStalled` cuts off a reader that
 * never reads. Nothing is written after `end()` or after the reader has left: the timer stops with
 * `end()`, because a response that is queued behind an unread one closes long after it has ended.
 */
export class EventStream {
  readonly #raw: ServerResponse;
  readonly #over = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(reply: FastifyReply, contentType = 'text/event-stream') {
    const headers = reply.getHeaders() as Record<string, string>;
    reply.hijack();
    this.#raw = reply.raw;
    this.#raw.on('error', () => this.#stop());
    this.#timer = setInterval(() => void this.#write(':\n\n'), keepAlive);
    // No event announces the end of a reader that left before the stream opened.
    if (this.#raw.destroyed || this.#raw.closed) this.#stop();
    else this.#raw.once('close', () => this.#stop());
    this.#raw.writeHead(200, {
      ...headers,
      'content-type': contentType,
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    void this.#write(':\n\n');
  }

  /** Aborts when the stream has ended or its reader has left. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Resolves when there is room for more; does nothing once the stream is over. */
  async send({ id, event, data }: ServerEvent): Promise<void> {
    const head = `${id ? `id: ${id}\n` : ''}${event ? `event: ${event}\n` : ''}`;
    const text = data === undefined ? '' : JSON.stringify(data);
    if (this.#write(`${head}data: ${text}\n\n`)) return;
    await once(this.#raw, 'drain', { signal: this.over }).catch(() => undefined);
  }

  end(): void {
    if (this.over.aborted) return;
    this.#stop();
    this.#raw.end();
  }

  /** False when the reader is behind; a comment is not worth waiting for, so it is left out then. */
  #write(text: string): boolean {
    if (this.over.aborted) return true;
    if (text.startsWith(':') && this.#raw.writableNeedDrain) return false;
    return this.#raw.write(text);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#over.abort();
  }
}

/**
 * Runs `send` now and whenever woken, one at a time and never more often than every `pause`. Also
 * once a second: another node's change wakes nobody here. A failure ends the stream; the client
 * resumes from its last id, and is told why it may not.
 */
export function follow(
  stream: EventStream,
  listen: (wake: () => void) => () => void,
  send: () => Promise<void>,
): void {
  let running = false;
  let again = false;
  const wake = async () => {
    again = true;
    if (running || stream.over.aborted) return;
    running = true;
    try {
      while (again && !stream.over.aborted) {
        again = false;
        await send();
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    } catch {
      stream.end();
    } finally {
      running = false;
    }
  };
  if (stream.over.aborted) return;
  const unlisten = listen(() => void wake());
  const timer = setInterval(() => void wake(), 1_000);
  stream.over.addEventListener('abort', () => {
    clearInterval(timer);
    unlisten();
  });
  void wake();
}
