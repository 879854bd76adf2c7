import { expect, test } from 'vitest';
import { transfer } from '../../src/archives/transfer.ts';
import { insertStatement } from '../../src/database/write.ts';

test('any number of records goes in by one prepared statement', () => {
  const values = { kind: 'import', status: 'queued' };
  const named = [1, 2, 99].map((length) => {
    const records = Array.from({ length }, (_, at) => ({ id: String(at), values }));
    const { name, values: parameters } = insertStatement(
      { teamId: 'team' },
      transfer,
      transfer.events.queue,
      records,
    );
    return [name, parameters.length];
  });
  expect(new Set(named.map((it) => it.join())).size).toBe(1);
});
