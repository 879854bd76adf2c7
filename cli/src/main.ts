#!/usr/bin/env node
type Command = (args: readonly string[]) => Promise<number>;

/** Loaded when called: a small command must not wait for the server's modules. */
const commands: Record<string, () => Promise<Command>> = {
  serve: async () => (await import('./commands/serve.ts')).serve,
};

const [name, ...args] = process.argv.slice(2);
const load = name === undefined ? undefined : commands[name];
if (load) {
  process.exitCode = await (await load())(args);
} else {
  console.error(`Usage: kyozo ${Object.keys(commands).join(' | ')}`);
  process.exitCode = 2;
}
