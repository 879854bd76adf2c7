import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const module = fileURLToPath(new URL('../../src/spawn/layout.ts', import.meta.url));
const script = `
  import { layOut } from ${JSON.stringify(module)};
  import { writeFile } from 'node:fs/promises';
  const fill = (folder) => writeFile(folder + '/a', 'a');
  const [one, two] = await Promise.all([layOut('test', fill), layOut('test', fill)]);
  if (one !== two) throw new Error('There are two.');
  process.on('SIGTERM', () => process.exit());
  console.log(one);
  setInterval(() => undefined, 1_000);
`;

async function start(): Promise<{ child: ChildProcess; folder: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  return { child, folder: String(line).trim() };
}
async function end({ child }: { child: ChildProcess }, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  await once(child, 'exit');
}

test('a layout is gone with its process, and what a killed one left with the next', async () => {
  const killed = await start();
  await end(killed, 'SIGKILL');
  expect(existsSync(`${killed.folder}/a`)).toBe(true);
  const [one, other] = [await start(), await start()];
  expect(existsSync(killed.folder)).toBe(false);
  expect(existsSync(`${one.folder}/a`)).toBe(true);
  await end(one, 'SIGTERM');
  await end(other, 'SIGTERM');
  expect([existsSync(one.folder), existsSync(other.folder)]).toEqual([false, false]);
});
