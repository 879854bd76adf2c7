import { expect, test } from 'vitest';
import { kindOf } from '../../src/storage/content-kind.ts';

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const hello = Buffer.from('hello\n');

const table: [string, string, Buffer, string, string][] = [
  ['Markdown', 'a.md', hello, 'text/markdown', 'text'],
  ['an empty file', 'new', Buffer.alloc(0), 'text/plain', 'text'],
  ['text without extension', 'LICENSE', hello, 'text/plain', 'text'],
  ['umlauts', 'a.txt', Buffer.from('äöü €'), 'text/plain', 'text'],
  ['an upper-case extension', 'A.MD', hello, 'text/markdown', 'text'],
  ['Python', 'src/a.py', hello, 'text/plain', 'text code'],
  ['TypeScript, not MPEG', 'a.ts', hello, 'text/plain', 'text code'],
  ['a Dockerfile', 'x/Dockerfile', hello, 'text/plain', 'text code'],
  ['JSON', 'a.json', Buffer.from('{}'), 'application/json', 'text code'],
  ['a drawing', 'a.svg', Buffer.from('<svg/>'), 'image/svg+xml', 'text image'],
  ['a notebook', 'a.ipynb', Buffer.from('{}'), 'application/x-ipynb+json', 'text'],
  ['PNG', 'a.png', png, 'image/png', 'image'],
  ['PNG that calls itself text', 'a.md', png, 'image/png', 'image'],
  ['text that calls itself PNG', 'a.png', hello, 'text/plain', 'text'],
  [
    'HTML that calls itself PNG',
    'a.png',
    Buffer.from('<script>alert(1)</script>'),
    'text/plain',
    'text',
  ],
  ['text with NUL', 'a.txt', Buffer.from('a\0b'), 'application/octet-stream', ''],
  ['broken UTF-8', 'a.py', Buffer.from([0x61, 0xff, 0xfe, 0x62]), 'application/octet-stream', ''],
  ['Latin-1', 'a.txt', Buffer.from('stra\u00dfe', 'latin1'), 'application/octet-stream', ''],
  [
    'a zip',
    'a',
    Buffer.from('504b0506000000000000000000000000000000000000', 'hex'),
    'application/zip',
    '',
  ],
];

test.each(table)('%s', async (_name, path, bytes, contentType, traits) => {
  const kind = await kindOf(path, bytes);
  const found = (['text', 'image', 'code'] as const).filter((trait) => kind[trait]).join(' ');
  expect([kind.contentType, found]).toEqual([contentType, traits]);
});
