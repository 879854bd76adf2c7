import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openProcessRuntime } from '../server/src/runtimes/process/process-runtime.ts';
import type { CellResult, Language, Session } from '../server/src/runtimes/runtime.ts';
import { startSpawner } from '../server/src/spawn/spawner.ts';

const cells: [Language, string][] = [
  ['bash', 'sleep 77; touch ran'],
  ['bash', 'f() { for i in 1 2 3; do sleep 0.01; done; }; while :; do f; done; touch ran'],
  ['bash', '(while :; do sleep 0.01 & wait; done) & (setsid sleep 88 &); x=$(sleep 99); touch ran'],
  ['python', "import time\nwhile time.time(): time.sleep(0.001)\nopen('ran', 'w')"],
  ['python', "import subprocess\nwhile subprocess.run(['true']): pass\nopen('ran', 'w')"],
  ['python', "import asyncio\nfor i in range(9999): await asyncio.sleep(0.01)\nopen('ran', 'w')"],
];

/** Cells that are cancelled or time out at seeded moments: none goes on, and the next finds its variables. */
export async function cancel({ seed, runs }: { seed: number; runs: number }): Promise<void> {
  const spawner = await startSpawner();
  const directory = await mkdtemp(join(tmpdir(), 'kyozo-cancel-'));
  const runtime = await openProcessRuntime(spawner, 'bwrap');
  const session = await runtime.start({ directory });
  try {
    for (const language of ['bash', 'python'] as const) await say(session, language, 'kept=7');
    for (let at = 0; at < runs; at++) {
      const [language, source] = cells[at % cells.length]!;
      const moment = ((seed * 7919 + at * 104_729) % 6_000) / 100;
      const what = `${source} after ${moment} ms`;
      const { result } = await say(session, language, source, moment, at % 2 === 0);
      assert.ok(result.reason === 'killed' || result.reason === 'timeout', what);
      const show = language === 'bash' ? 'echo "$kept"' : 'print(kept)';
      assert.equal((await say(session, language, show)).text.trim(), '7', what);
      assert.deepEqual(await readdir(directory), [], what);
    }
  } finally {
    await session.close();
    await spawner.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function say(
  session: Session,
  language: Language,
  source: string,
  moment?: number,
  byTimeout = false,
): Promise<{ result: CellResult; text: string }> {
  const stop = new AbortController();
  if (moment !== undefined && !byTimeout) setTimeout(() => stop.abort(), moment);
  const timeoutMs = moment !== undefined && byTimeout ? moment : 30_000;
  let text = '';
  const result = await session.run(
    { source, language, timeoutMs },
    ({ data }) => {
      text += data;
    },
    stop.signal,
  );
  return { result, text };
}
