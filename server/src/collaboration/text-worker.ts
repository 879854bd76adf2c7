/** Does one piece of `textWork` after the other; `TextPool` is its other end. */
import { parentPort } from 'node:worker_threads';
import { textWork } from './text-work.ts';

export type Task = { name: keyof typeof textWork; values: never[] };
export type Outcome = { result: unknown } | { failure: string };

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
