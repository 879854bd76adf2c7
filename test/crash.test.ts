import { expect, test } from 'vitest';
import { crash } from '../soak/crash.ts';

test('20 seeded kills with -9 lose nothing that was shown as saved or answered with 2xx', async () => {
  const lines: string[] = [];
  const summary = await crash({ seed: 20_261_122, runs: 20, log: (line) => lines.push(line) });
  expect(lines).toHaveLength(20);
  expect(lines.join('\n')).toContain('with PostgreSQL');
  expect(summary).toContain('nothing lost');
}, 300_000);
