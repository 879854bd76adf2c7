import { setTimeout as sleep } from 'node:timers/promises';

/** What a read found: in order, and whether there is more at once or never again. */
export type Step<Item> = { items: readonly Item[]; more: boolean; ended?: boolean };

/** A burst of changes is a few reads; and another node's change wakes nobody here. */
const pause = 50;
const longest = 1_000;

/**
 * Reads now and whenever woken, and hands on what was found, one at a time: a slow reader is read for
 * slowly. Ends when `read` says so; `return()` ends it also while it waits.
 */
export function following<Item>(
  listen: (wake: () => void) => () => void,
  read: () => Promise<Step<Item>>,
): AsyncIterableIterator<Item, undefined> {
  const found: Item[] = [];
  let due = true;
  let closed = false;
  let last = 0;
  let resume = () => {};
  const wake = () => {
    due = true;
    resume();
  };
  const unlisten = listen(wake);
  const timer = setInterval(wake, longest);
  const close = () => {
    closed = true;
    clearInterval(timer);
    unlisten();
    resume();
  };
  const step = async () => {
    due = false;
    await sleep(Math.max(0, last + pause - Date.now()));
    if (closed) return;
    last = Date.now();
    const { items, more, ended } = await read();
    found.push(...items);
    if (more) {
      due = true;
      last = 0;
    }
    if (ended) close();
  };
  const next = async (): Promise<IteratorResult<Item, undefined>> => {
    while (found.length === 0 && !closed) {
      if (due) await step();
      else
        await new Promise<void>((resolve) => {
          resume = resolve;
        });
    }
    if (found.length === 0) return { done: true, value: undefined };
    return { done: false, value: found.shift()! };
  };
  return {
    next: () =>
      next().catch((error: unknown) => {
        close();
        throw error;
      }),
    async return() {
      found.length = 0;
      close();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
