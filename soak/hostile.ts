import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer } from '../bench/support.ts';
import { randomOf } from '../server/test/collaboration/random.ts';
import { type Person, register } from '../server/test/support/api.ts';
import { FileWriter } from './files.ts';
import { attacks } from './hostile/attacks.ts';
import { memoryOf, takePulse } from './hostile/vital-signs.ts';
import { LiveFile } from './live.ts';

/** Attackers at once. */
const attackers = 4;
/** What the server must keep to: milliseconds of an answer, and bytes above its idle memory. */
const limits = { answer: 500, memory: 300 * 2 ** 20 };
/** Milliseconds in which memory must come back. */
const rest = 60_000;

type Options = { seed: number; runs: number; say: (line: string) => void };

/**
 * Every attack of part A in random mixtures against one server, for `runs` seconds, beside people who
 * write. @throws Error when the server ends, keeps people waiting, holds memory or loses what is theirs
 */
export async function hostile({ seed, runs, say }: Options): Promise<void> {
  const server = await startServer({ LOG_LEVEL: 'silent' });
  try {
    const random = randomOf(seed);
    const bystanders = await settle(server.url, random);
    await bystanders.write(3_000);
    const idle = memoryOf(server.pid);
    const pulse = takePulse(server.url);
    const over = Date.now() + runs * 1_000;
    const played = new Map<string, number>();
    const names = Object.keys(attacks);
    const attack = async () => {
      const person = await register(server.url, 'Mallory');
      const attacker = { person, workspace: await person.workspace(), random };
      while (Date.now() < over) {
        const name = names[Math.floor(random() * names.length)]!;
        played.set(name, (played.get(name) ?? 0) + 1);
        const late = new AbortController();
        const patience = sleep(20_000, undefined, { signal: late.signal }).catch(() => undefined);
        await Promise.race([attacks[name]!(attacker).catch(() => undefined), patience]);
        late.abort();
      }
    };
    await Promise.all([
      bystanders.write(runs * 1_000),
      ...Array.from({ length: attackers }, attack),
    ]);
    const { worst, most, failed, count } = await pulse();
    for (const [name, times] of played) say(`${name}: ${times}`);
    say(
      `${count} looks at /health/live: ${Math.round(most)} ms at most, ${Math.round(worst)} ms beyond a bare server`,
    );
    const held = await memoryAfter(server.pid, idle);
    say(`${Math.round(held / 2 ** 20)} MiB above idle`);
    assert.equal(failed, 0, 'the server did not answer');
    assert.ok(
      worst <= limits.answer,
      `an answer took ${Math.round(worst)} ms longer than a bare one`,
    );
    assert.ok(held <= limits.memory, `${Math.round(held / 2 ** 20)} MiB are held above idle`);
    await bystanders.verify();
    say(`${bystanders.written()} acknowledged writes are all there`);
  } finally {
    await server.stop();
  }
}

/** Bytes above idle once they have come back, or after the time they have for it. */
async function memoryAfter(pid: number, idle: number): Promise<number> {
  const until = Date.now() + rest;
  for (;;) {
    const held = memoryOf(pid) - idle;
    if (held <= limits.memory || Date.now() > until) return held;
    await sleep(1_000);
  }
}

/** People in a team of their own: one writes files by API, two type into one document. */
async function settle(url: string, random: () => number) {
  const ann: Person = await register(url, 'Ann');
  const workspace = await ann.workspace('Work');
  const files = new FileWriter('ann', workspace, random);
  const live = new LiveFile((await ann.file(workspace, 'shared.md', 'Shared text.\n')).id);
  const write = async (milliseconds: number) => {
    const end = Date.now() + milliseconds;
    const isOver = () => Date.now() > end;
    const editors = [live.sit(url, ann.token!), live.sit(url, ann.token!)];
    await Promise.all([
      files.writeUntil(ann, isOver),
      ...editors.map((editor) => live.typeUntil(editor, random, isOver)),
    ]);
    while (!editors.every((editor) => editor.isSaved)) await sleep(20);
    for (const editor of editors) editor.leave();
  };
  return {
    write,
    written: () => files.written + live.acknowledged,
    async verify() {
      await files.verify(ann);
      await ann.post(`/files/${live.id}/versions`, 'file-versions');
      live.verify(await (await ann.fetch(`/files/${live.id}/content`)).text(), 'the document');
    },
  };
}
