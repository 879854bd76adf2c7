/** A3: cells that are cancelled or time out, at any moment, in every language. Part of the contract. */
import { expect, test } from 'vitest';
import type { Language } from '../../src/runtimes/runtime.ts';
import type { Tools } from './contract.ts';

/** `keeps`: what a cancelled cell leaves of the session's variables. */
export function stoppingContract({ run }: Tools, keeps: readonly Language[]): void {
  const endless: Record<string, string> = {
    bash: 'while :; do :; done',
    python: 'while True: pass',
    javascript: 'for (;;);',
  };
  const set: Record<string, string> = {
    bash: 'kept=5',
    python: 'kept = 5',
    javascript: 'var kept = 5',
  };
  const show: Record<string, [string, string]> = {
    bash: ['echo "$kept"', 'stdout'],
    python: ['kept', 'result'],
    javascript: ['kept', 'result'],
  };

  test('A3 a cancel at any moment stops the cell, and the next one works', async () => {
    for (const language of ['bash', 'python', 'javascript'] as const) {
      await run(set[language]!, language);
      // At once, while the language starts, just after, and in the middle.
      for (const wait of [undefined, 1, 30]) {
        const stop = new AbortController();
        if (wait === undefined) stop.abort();
        else setTimeout(() => stop.abort(), wait);
        const ran = await run(endless[language]!, language, { signal: stop.signal });
        expect([ran.code, ran.reason], `${language} after ${wait} ms`).toEqual([130, 'killed']);
      }
      const [source, stream] = show[language]!;
      if (keeps.includes(language))
        expect((await run(source, language)).of(stream).trim(), language).toBe('5');
      else expect((await run(language === 'bash' ? 'true' : '1', language)).code).toBe(0);
    }
  });
}
