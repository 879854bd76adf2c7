import { expect, test, vi } from 'vitest';
import { cells, frontMatter, isMarkdown, languageOf, parse } from '../src/index.ts';
import { corpus } from './corpus.ts';

// Thousands of parses on a shared machine.
vi.setConfig({ testTimeout: 120_000 });

const text = `---
cwd: ..
---

\`\`\`sh {name=build cwd=packages/a tags=ci,fast excludeFromRunAll=true dependsOn=setup,other.md:test}
npm run build
\`\`\`

- in a list:

  \`\`\`python {"name":"build","timeout":5}
  print(1)
  \`\`\`

> ~~~
> # a comment
> $ npm install --global x
> ~~~

    indented code

\`\`\`js
const port = 1;
\`\`\`
`;

test('cells have their attributes, names and places', () => {
  const found = cells(text);
  expect(
    found.map(({ position, language, name, isNameGenerated }) => [
      position,
      language,
      name,
      isNameGenerated,
    ]),
  ).toEqual([
    [0, 'sh', 'build', false],
    [1, 'python', 'build-2', false],
    [2, null, 'npm-install', true],
    [4, 'js', 'const-port', true],
  ]);
  expect(found[0]!.attributes).toEqual({
    name: 'build',
    cwd: 'packages/a',
    tags: 'ci,fast',
    excludeFromRunAll: 'true',
    dependsOn: 'setup,other.md:test',
  });
  expect(found[1]!.attributes).toEqual({ name: 'build', timeout: '5' });
  expect(found[2]!.source).toBe('# a comment\n$ npm install --global x');
  expect(text.slice(found[3]!.from, found[3]!.to)).toBe('```js\nconst port = 1;\n```');
});

test("a cell's position is its place among the code blocks of the document", () => {
  type Node = ReturnType<typeof parse>['doc'];
  const codeBlocks = (node: Node): Node[] =>
    node.type === 'codeBlock' ? [node] : (node.content ?? []).flatMap(codeBlocks);
  let compared = 0;
  for (const { text } of corpus) {
    const blocks = codeBlocks(parse(text).doc);
    for (const cell of cells(text)) {
      expect(blocks[cell.position]!.content?.[0]?.text ?? '').toBe(cell.source);
      compared++;
    }
  }
  expect(compared).toBeGreaterThan(1_000);
});

test('repeated names are numbered, whoever took the number before', () => {
  const names = ['a', 'a-2', 'a', 'a'].map((name) => `\`\`\`sh {name=${name}}\n\`\`\``).join('\n');
  const found = cells(names).map(({ name }) => name);
  expect(found).toEqual(['a', 'a-2', 'a-3', 'a-4']);
});

test('files are told by their names', () => {
  expect(['a.md', 'b/README.MD', 'x.mdx', 'y.runme'].every(isMarkdown)).toBe(true);
  expect(['md', 'a.txt', 'a.md/b'].some(isMarkdown)).toBe(false);
  expect(languageOf('src/main.ts')).toBe('typescript');
  expect(languageOf('Dockerfile')).toBe('dockerfile');
  expect(languageOf('constructor')).toBeNull();
});

test('front matter is read, and broken front matter is no error', () => {
  expect(frontMatter(text)).toEqual({ source: 'cwd: ..', format: 'yaml', data: { cwd: '..' } });
  expect(frontMatter('---\na: [\n---\n')?.data).toEqual({});
  expect(frontMatter('---\n\ntext\n\n---\n')).toBeNull();
});
