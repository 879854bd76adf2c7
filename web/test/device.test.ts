import { expect, test } from 'vitest';
import { deviceOf, isLocal } from '../src/components/settings/security/device.ts';

test.each([
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0',
    'Edge on Windows',
    'computer',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
    'Safari on iPhone',
    'phone',
  ],
  [
    'Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0',
    'Firefox on Linux',
    'computer',
  ],
  [
    'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36',
    'Chrome on Android',
    'phone',
  ],
  ['curl/8.5.0', 'curl', 'program'],
  ['', 'Unknown program', 'program'],
] as const)('%s is %s', (agent, name, kind) => {
  expect(deviceOf(agent)).toEqual({ name, kind });
});

test('what a session without a program came from is not made up', () => {
  expect(deviceOf(null).name).toBe('Unknown program');
  expect(isLocal('::ffff:127.0.0.1')).toBe(true);
  expect(isLocal('192.0.2.7')).toBe(false);
});
