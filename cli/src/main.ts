#!/usr/bin/env node
import { UsageError } from './client.ts';

type Command = (args: readonly string[]) => Promise<number>;

/** Loaded when called: a small command must not wait for the server's modules. */
const commands: Record<string, () => Promise<Command>> = {
  serve: async () => (await import('./commands/serve.ts')).serve,
  export: async () => (await import('./commands/export.ts')).exportFiles,
  import: async () => (await import('./commands/import.ts')).importFiles,
  keys: async () => (await import('./commands/keys.ts')).keys,
  tasks: async () => (await import('./commands/tasks.ts')).tasks,
  user: async () => (await import('./commands/user.ts')).user,
};

const [name, ...args] = process.argv.slice(2);
const load = name === undefined ? undefined : commands[name];
if (load) {
  process.exitCode = await (await load())(args).catch(failed);
} else {
  console.error(`Usage: kyozo ${Object.keys(commands).join(' | ')}`);
  process.exitCode = 2;
}

function failed(error: Error & { code?: string }): number {
  console.error(error.message);
  const wrongUsage = error instanceof UsageError || error.code?.startsWith('ERR_PARSE_ARGS');
  return wrongUsage ? 2 : 1;
}
