/** The list of 20 with 1,000,000 files in 1,000 teams, beside the same with 10,000 in 100. */
import { compare } from './http-load.ts';
import { seed } from './http-seed.ts';
import { ours } from './http-sides.ts';
import { ownerUrlOf, type Started, startServer } from './support.ts';
import { type Row, row } from './table.ts';

export async function run(): Promise<Row[]> {
  const [large, small] = [await startServer(), await startServer()];
  try {
    const many = await furnished(large, { teams: 1_000, files: 1_000 });
    const few = await furnished(small, { teams: 100, files: 100 });
    // Over as many teams as the small one has: the server keeps 10,000 claims, not the question here.
    const sides = [many.side, few.side];
    const results = [];
    for (let round = 0; round < 3; round++) {
      const [a] = await compare([sides[0]!], 'list', many.teams, 1);
      const [b] = await compare([sides[1]!], 'list', few.teams, 1);
      results.push([a!, b!] as const);
    }
    results.sort(([a, b], [c, d]) => a.rate / b.rate - c.rate / d.rate);
    const [a, b] = results[1]!;
    const note = `p99 ${a.p99} ms beside ${b.p99} ms`;
    return [row('http: list of 20 of 1,000,000, requests/s', a.rate, b.rate, '10,000 files', note)];
  } finally {
    await Promise.all([large.stop(), small.stop()]);
  }
}

async function furnished(server: Started, size: { teams: number; files: number }) {
  const { token, teams } = await seed(server.url, await ownerUrlOf(server.dataDir), size);
  return { side: ours(server.url, token), teams };
}
