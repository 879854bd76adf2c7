/** A3 and A7: what a cell starts, takes and leaves behind in the sandbox of processes. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commands } from '../support/commands.ts';
import type { Tools } from './contract.ts';

export function leftovers({ run, folder }: Tools): void {
  const ran = () => existsSync(join(folder(), 'ran'));
  /** Cancels a cell when it has said `started`. */
  const cancelled = async (source: string, language: 'bash' | 'python' | 'javascript') => {
    await rm(join(folder(), 'ran'), { force: true });
    const stop = new AbortController();
    const said = () => stop.abort();
    return run(source, language, { signal: stop.signal, said });
  };

  test('A3 no command after the cancelled one runs, however deep the cell is', async () => {
    await run('kept=5; f() { sleep 77; touch ran; }; g() { f; touch ran; }', 'bash');
    for (const source of [
      'echo started; sleep 77; echo survived; touch ran',
      'echo started; while :; do g; touch ran; done; touch ran',
      'echo started; (sleep 77; touch ran); touch ran',
      'echo started; x=$(sleep 77; touch ran); touch ran',
      'echo started; sleep 77 | (cat; touch ran); touch ran',
      'echo started; mkfifo p; (cat p; touch ran) & sleep 77 > p; touch ran',
      'echo started; eval "sleep 77; touch ran"; touch ran',
      'echo started; sleep 77 & wait; touch ran',
      'echo started; if sleep 77; then touch ran; else touch ran; fi || touch ran',
      'echo started; bash -c "sleep 77; touch ran"; touch ran',
      // A trap of the cell's own, for interrupts and for all the rest, does not save it.
      'trap "touch ran" INT TERM; echo started; sleep 77; touch ran',
      'trap "" INT TERM HUP QUIT; echo started; sleep 77; touch ran',
    ]) {
      expect((await cancelled(source, 'bash')).reason, source).toBe('killed');
      expect(ran(), source).toBe(false);
    }
    expect((await run('trap - INT TERM HUP QUIT; echo "$kept"', 'bash')).of('stdout')).toBe('5\n');
    await run('kept = 5', 'python');
    for (const source of [
      "print('started')\nimport time; time.sleep(77)\nopen('ran', 'w')",
      "print('started')\nimport asyncio\nawait asyncio.sleep(77)\nopen('ran', 'w')",
      "import subprocess\nprint('started')\nsubprocess.run(['sleep', '77'])\nopen('ran', 'w')",
    ]) {
      expect((await cancelled(source, 'python')).reason, source).toBe('killed');
      expect((await run('await __import__("asyncio").sleep(0.01); kept')).of('result')).toBe('5');
      expect(ran(), source).toBe(false);
    }
    const timer =
      "console.log('started'); await new Promise((done) => setTimeout(done, 300)); require('fs').writeFileSync('ran', '')";
    expect((await cancelled(timer, 'javascript')).reason).toBe('killed');
    expect(ran()).toBe(false);
  });

  test('A3 twenty cancels in a row, then a cell that works', async () => {
    for (const [source, language] of [
      ['while :; do :; done', 'bash'],
      ['while True: pass', 'python'],
    ] as const) {
      for (let count = 0; count < 20; count++) {
        const stop = new AbortController();
        const running = run(source, language, { signal: stop.signal });
        setTimeout(() => stop.abort(), count);
        expect((await running).reason).toBe('killed');
      }
    }
    expect((await run('echo "$kept"', 'bash')).of('stdout')).toBe('5\n');
    expect((await run('kept')).of('result')).toBe('5');
  });

  test('A3 a cancel while the sandbox starts never leaves one that lives for ever', async () => {
    for (let count = 0; count < 60; count++) {
      const stop = new AbortController();
      setTimeout(() => stop.abort(), (count % 20) / 2);
      await run('exit 3', 'bash', { signal: stop.signal });
    }
    expect((await run('echo alive', 'bash')).of('stdout')).toBe('alive\n');
  });

  test('A3 a cell that refuses to stop ends with its language', async () => {
    const stubborn = 'trap "" 40; echo started; while :; do sleep 0.01; done';
    expect((await cancelled(stubborn, 'bash')).reason).toBe('killed');
    const thread =
      "import threading, time\nthreading.Thread(target=lambda: (time.sleep(2), open('ran', 'w'))).start()\nprint('started')\ntime.sleep(77)";
    expect((await cancelled(thread, 'python')).reason).toBe('killed');
    expect((await run('echo alive', 'bash')).of('stdout')).toBe('alive\n');
    expect((await run('1 + 1')).of('result')).toBe('2');
    expect(ran()).toBe(false);
  });

  test('A3 every process of a cancelled cell is gone, and those of earlier cells live', async () => {
    await run('sleep 4321 & disown; (setsid sleep 4322 &)', 'bash');
    const source =
      'sleep 5432 & (setsid sleep 5433 >/dev/null 2>&1 &); (trap "" TERM INT HUP; sleep 5434) & ((sleep 5435 &) &); nohup sleep 5436 & echo started; sleep 5437';
    expect((await cancelled(source, 'bash')).reason).toBe('killed');
    expect(sleepers()).toEqual(['4321', '4322']);
    const timeout = await run('sleep 5438 & sleep 5439', 'bash', { timeoutMs: 100 });
    expect([timeout.code, timeout.reason]).toEqual([124, 'timeout']);
    expect(sleepers()).toEqual(['4321', '4322']);
    await run('pkill sleep', 'bash');
  });

  test('A7 shared memory counts, and so does what children hold', async () => {
    const shared = `
import mmap, os, time
m = mmap.mmap(-1, 2**31)
for i in range(0, 2**31, 4096): m[i] = 1
time.sleep(20)`;
    expect((await run(shared)).reason).toBe('memory');
    const child =
      'import mmap,time; m = mmap.mmap(-1, 2**28); [m.write(b"x" * 4096) for _ in range(2**16)]; time.sleep(60)';
    const background = `for i in 1 2 3; do (setsid python3 -c '${child}' &) ; done; sleep 20`;
    expect((await run(background, 'bash')).reason).toBe('memory');
  });

  test('A7 leftovers that take too much memory end between two cells', async () => {
    const child =
      'import mmap,time; time.sleep(.3); m = mmap.mmap(-1, 2**29); [m.write(b"x" * 4096) for _ in range(2**17)]; time.sleep(4443)';
    const left = await run(`(setsid python3 -c '${child}' >/dev/null 2>&1 &); left=1`, 'bash');
    expect(left.code).toBe(0);
    await expect.poll(() => commands().some((line) => line.includes('4443'))).toBe(true);
    await expect.poll(() => commands().some((line) => line.includes('4443'))).toBe(false);
    expect((await run('echo "[$left]"', 'bash')).of('stdout')).toBe('[]\n');
  });
}

/** The arguments of every `sleep` with four digits that runs on this machine, in order. */
const sleepers = () =>
  commands()
    .flatMap((line) => /^sleep\0([45]\d{3})\0$/.exec(line)?.[1] ?? [])
    .sort();
