/** `npm run soak -- NAME [--seed S] [--runs N]`: the long runs. A failure prints the seed that repeats it. */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { blobs } from './blobs.ts';
import { cancel } from './cancel.ts';
import { crash } from './crash.ts';
import { documents } from './documents.ts';
import { fuzz } from './fuzz.ts';
import { hostile } from './hostile.ts';
import { matrix } from './matrix.ts';
import { variants } from './mutants/variants.ts';
import { mutants } from './mutants.ts';
import { push } from './push.ts';
import { pushers } from './pushers.ts';
import { reloads } from './reloads.ts';
import { repositories } from './repositories.ts';
import { typing } from './typing.ts';

/** A soak: as many runs as asked, the same for the same seed. @throws Error that says what was lost */
type Soak = (options: { seed: number; runs: number; say: (line: string) => void }) => Promise<void>;

const soaks: Record<string, { run: Soak; runs: number }> = {
  blobs: { run: blobs, runs: 200 },
  cancel: { run: cancel, runs: 200 },
  crash: { run: crash, runs: 200 },
  documents: { run: documents, runs: 300 },
  fuzz: { run: fuzz, runs: 100_000 },
  hostile: { run: hostile, runs: 600 },
  matrix: { run: matrix, runs: 250_000 },
  mutants: { run: mutants, runs: variants.length },
  push: { run: push, runs: 1_000 },
  pushers: { run: pushers, runs: 100 },
  reloads: { run: reloads, runs: 1 },
  repositories: { run: repositories, runs: 100 },
  typing: { run: typing, runs: 200 },
};

const { values, positionals } = parseArgs({
  options: { seed: { type: 'string' }, runs: { type: 'string' } },
  allowPositionals: true,
});
const name = positionals[0] ?? '';
const soak = soaks[name];
const seed = Number(values.seed ?? randomInt(1_000_000));
const runs = Number(values.runs ?? soak?.runs);

if (!soak || !Number.isSafeInteger(seed) || !Number.isSafeInteger(runs)) {
  console.error(`Usage: soak ${Object.keys(soaks).join(' | ')} [--seed S] [--runs N]`);
  process.exitCode = 2;
} else {
  console.log(`${name}: ${runs} runs with seed ${seed}`);
  try {
    await soak.run({ seed, runs, say: (line) => console.log(line) });
    console.log(`${name}: ${runs} runs passed.`);
  } catch (error) {
    console.error(error);
    console.error(`Repeat it with: npm run soak -- ${name} --seed ${seed} --runs ${runs}`);
    // Pages that still wait for the server would keep the process alive.
    process.exit(1);
  }
}
