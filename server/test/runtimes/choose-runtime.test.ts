import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { chooseRuntime } from '../../src/runtimes/choose-runtime.ts';
import { openProcessRuntime } from '../../src/runtimes/process/process-runtime.ts';
import { RuntimeUnavailable } from '../../src/runtimes/runtime.ts';
import { type Spawner, startSpawner } from '../../src/spawn/spawner.ts';

let spawner: Spawner;
beforeAll(async () => {
  spawner = await startSpawner();
});
afterAll(() => spawner.close());

test('without bubblewrap, or with one that does not work, cells run in wasm, and the caller hears why', async () => {
  for (const bwrap of [undefined, '/no/such/bwrap', '/bin/false', '/bin/true']) {
    const onFallback = vi.fn();
    expect((await chooseRuntime({ spawner, bwrap, onFallback })).name).toBe('wasm');
    expect(onFallback).toHaveBeenCalledTimes(bwrap === undefined ? 0 : 1);
  }
});

test('a sandbox that does not start is an error, never a run without it', async () => {
  await expect(openProcessRuntime(spawner, '/bin/false')).rejects.toBeInstanceOf(
    RuntimeUnavailable,
  );
  const closed = await startSpawner();
  await closed.close();
  const options = { spawner: closed, bwrap: '/usr/bin/bwrap', onFallback: () => undefined };
  await expect(chooseRuntime(options)).rejects.toBeInstanceOf(RuntimeUnavailable);
});
