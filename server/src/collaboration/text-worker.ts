/** Does one piece of `textWork` after the other; `TextPool` is its other end. */
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { textWork } from './text-work.ts';

export type Task = { name: keyof typeof textWork; values: never[] };
export type Outcome = { result: unknown } | { failure: string };

// The server's own thread comes first. Linux alone counts this by thread; elsewhere it would slow all.
if (process.platform === 'linux') setPriority(5);

parentPort!.on('message', ({ name, values }: Task) => {
  parentPort!.postMessage(outcomeOf(name, values));
});

function outcomeOf(name: Task['name'], values: never[]): Outcome {
  try {
    return { result: (textWork[name] as (...all: never[]) => unknown)(...values) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}
