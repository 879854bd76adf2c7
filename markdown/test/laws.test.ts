import { describe, expect, test, vi } from 'vitest';
import { normalize, parse, parseSource, schema, serialize, serializeSource } from '../src/index.ts';
import { corpus, nasty, random } from './corpus.ts';

// Thousands of parses on a shared machine.
vi.setConfig({ testTimeout: 120_000 });

const parsed = corpus.map((file) => ({ ...file, ...parse(file.text) }));

describe('opening and saving without an edit', () => {
  test('changes no byte of any real file', () => {
    expect(corpus.length).toBeGreaterThan(500);
    const changed = parsed.filter(({ doc, text }) => serialize(doc, text) !== text);
    expect(changed.map(({ path }) => path)).toEqual([]);
  });

  test('changes no byte of a nasty string', () => {
    const next = random(1);
    for (let run = 0; run < 10_000; run++) {
      const text = nasty(next);
      expect(serialize(parse(text).doc, text)).toBe(text);
    }
  });

  test('changes no byte of a source file, whatever ends its lines', () => {
    const next = random(2);
    for (let run = 0; run < 2_000; run++) {
      const text = nasty(next);
      expect(serializeSource(parseSource(text, null).doc, text)).toBe(text);
    }
  });
});

describe('what is parsed', () => {
  test('is valid, canonical and covers the file', () => {
    const next = random(3);
    const texts = Array.from({ length: 2_000 }, () => nasty(next));
    const strange = texts.map((text) => ({ text, ...parse(text) }));
    for (const { text, doc, blocks } of [...parsed, ...strange]) {
      schema.nodeFromJSON(doc).check();
      expect(normalize(doc)).toEqual(doc);
      let end = text.startsWith('\ufeff') ? 1 : 0;
      for (const block of blocks) {
        expect(text.slice(end, block.from).trim()).toBe('');
        end = block.to;
      }
      expect(text.slice(end).trim()).toBe('');
    }
  });

  test('written anew reads back as the same document, for every real file', () => {
    const wrong = parsed.filter(
      ({ doc }) => JSON.stringify(parse(serialize(doc)).doc) !== JSON.stringify(doc),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  test('of another file, block by block, reads back as the document that was asked for', () => {
    const next = random(4);
    const pick = () => corpus[Math.floor(next() * corpus.length)]!.text;
    for (let run = 0; run < 300; run++) {
      const base = pick();
      const { doc } = parse(base);
      const donor = parse(pick()).doc.content!;
      const content = [...doc.content!];
      const at = Math.floor(next() * content.length);
      content.splice(at, Math.floor(next() * 3), donor[Math.floor(next() * donor.length)]!);
      const wanted = normalize({ type: 'doc', content });
      expect(parse(serialize({ type: 'doc', content }, base)).doc).toEqual(wanted);
    }
  });
});

test('a line ending, a byte order mark and a missing last newline survive an edit beside them', () => {
  const base = '\ufeffone two\r\n\r\n* a\r\n* b  \r\n\r\n__last__';
  const { doc } = parse(base);
  doc.content![0]!.content![0]!.text = 'one three';
  expect(serialize(doc, base)).toBe(base.replace('two', 'three'));
});

test('a source file keeps the line endings of the lines that stay', () => {
  const { doc } = parseSource('a\r\nb\nc\r\n', 'text');
  doc.content![0]!.content![0]!.text = 'a\nB\nc\nd\n';
  expect(serializeSource(doc, 'a\r\nb\nc\r\n')).toBe('a\r\nB\r\nc\r\nd\r\n');
});

test('what the model does not know stays as it is written', () => {
  const known = [
    '---\ntitle: x\n---',
    '<div>\n<b>x</b>\n</div>',
    '[a]: /url "t"',
    '[^1]: A note.',
    '$$\nx^2\n$$',
    ':::tip\nHi\n:::',
  ];
  const { doc } = parse(`${known.join('\n\n')}\n`);
  expect(doc.content).toEqual(known.map((source) => ({ type: 'rawBlock', attrs: { source } })));
});
