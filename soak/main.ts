/** `npm run soak -- NAME [--seed S] [--runs N]`: the long runs. A failure prints the seed that repeats it. */
import { parseArgs } from 'node:util';
import { crash } from './crash.ts';

const soaks: Record<string, { runs: number; run: (options: Soak) => Promise<string> }> = {
  crash: { runs: 200, run: crash },
};
export type Soak = { seed: number; runs: number; log: (line: string) => void };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, runs: { type: 'string' } },
});
const soak = positionals[0] === undefined ? undefined : soaks[positionals[0]];
if (!soak) {
  console.error(`Usage: npm run soak -- ${Object.keys(soaks).join(' | ')} [--seed S] [--runs N]`);
  process.exit(2);
}
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const runs = Number(values.runs ?? soak.runs);
try {
  console.log(await soak.run({ seed, runs, log: console.log }));
  process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(`Repeat it with: npm run soak -- ${positionals[0]} --seed ${seed} --runs ${runs}`);
  process.exit(1);
}
