import { expect, test } from 'vitest';
import { chooseBackend, type Traits } from '../../src/storage/choose-backend.ts';

const MB = 1_048_576;
const text = { text: true, image: false, code: false };
const code = { text: true, image: false, code: true };
const image = { text: false, image: true, code: false };
const drawing = { text: true, image: true, code: false };
const binary = { text: false, image: false, code: false };

const table: [string, Omit<Traits, 'size'>, number, string][] = [
  ['empty text', text, 0, 'git'],
  ['text just below 1 MB', text, MB - 1, 'git'],
  ['text of 1 MB', text, MB, 'hybrid'],
  ['text over 10 MB', text, 10 * MB + 1, 'hybrid'],
  ['empty code', code, 0, 'git'],
  ['code of 1 MB', code, MB, 'git'],
  ['code over 10 MB', code, 11 * MB, 'git'],
  ['small image', image, 1, 'disk'],
  ['image of 5 MB', image, 5 * MB, 'disk'],
  ['image just over 5 MB', image, 5 * MB + 1, 's3'],
  ['image of 10 MB', image, 10 * MB, 's3'],
  ['image over 10 MB', image, 10 * MB + 1, 's3'],
  ['small drawing in text', drawing, MB - 1, 'git'],
  ['drawing in text of 1 MB', drawing, MB, 'disk'],
  ['drawing in text over 5 MB', drawing, 5 * MB + 1, 's3'],
  ['small binary', binary, 1, 'hybrid'],
  ['binary of 10 MB', binary, 10 * MB, 'hybrid'],
  ['binary just over 10 MB', binary, 10 * MB + 1, 's3'],
];

test.each(table)('%s', (_name, traits, size, backend) => {
  expect(chooseBackend({ ...traits, size })).toBe(backend);
});
