import { expect, test } from 'vitest';
import { decode, targetOf } from '../src/components/document/addresses.ts';

test('13.B2 an address means the path that GitHub reads in it', () => {
  const at = (address: string) => targetOf('a#b/100% ?/x y.md', address);
  expect(at('z.md')).toEqual({ path: 'a#b/100% ?/z.md', hash: '' });
  expect(at('../z%20%23%3f.png#part')).toEqual({ path: 'a#b/z #?.png', hash: '#part' });
  expect(at('/../../z.md')).toEqual({ path: 'z.md', hash: '' });
  expect(at('#part')).toEqual({ path: 'a#b/100% ?/x y.md', hash: '#part' });
  expect(at('%zz.md')).toEqual({ path: 'a#b/100% ?/%zz.md', hash: '' });
  expect(at('קובץ.md')?.path).toBe('a#b/100% ?/קובץ.md');
});

test('13.B2 what no browser reads as an address is none', () => {
  for (const address of ['\\\\[', '/\\[', '//[', '/\\:99999999', '///'])
    expect(targetOf('a.md', address), address).toBeUndefined();
  expect(decode('50%')).toBe('50%');
});
