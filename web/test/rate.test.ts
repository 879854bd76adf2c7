import { expect, test } from 'vitest';
import { Rate } from '../src/components/files/rate.ts';

test('a speed is taken over the last seconds, and not said before there is enough', () => {
  const rate = new Rate();
  expect(rate.perSecond).toBe(0);
  rate.add(0, 0);
  rate.add(400, 400);
  expect(rate.perSecond).toBe(0);
  for (let second = 1; second <= 10; second += 1) rate.add(1_000, second * 1_000);
  expect(rate.perSecond).toBe(1_000);
  for (let second = 11; second <= 20; second += 1) rate.add(3_000, second * 1_000);
  expect(rate.perSecond).toBe(3_000);
  rate.clear();
  expect(rate.perSecond).toBe(0);
});
