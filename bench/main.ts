/** `npm run bench [-- NAME]`: every benchmark, ours beside its floor or peer, as ratios. */
import { readdir } from 'node:fs/promises';
import { print, type Row } from './table.ts';

const names = ['git', 'git-clone', 'http', 'collaboration', 'database', 'blobs', 'web'];
/** Run only when they are asked for: they take minutes. */
const rare = ['million'];
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => ![...names, ...rare].includes(name));
const there = new Set(
  (await readdir(import.meta.dirname)).map((file) => file.replace(/\.ts$/, '')),
);

if (unknown.length > 0) {
  console.error(
    `There is no benchmark ${unknown.join(', ')}; there are ${[...names, ...rare].join(', ')}.`,
  );
  process.exitCode = 2;
} else {
  for (const name of wanted.length > 0 ? wanted : names.filter((it) => there.has(it))) {
    const { run } = (await import(`./${name}.ts`)) as { run: () => Promise<Row[]> };
    print(await run());
  }
}
