import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Spawner, startSpawner } from '../../src/spawn/spawner.ts';

let spawner: Spawner;
beforeAll(async () => {
  spawner = await startSpawner();
});
afterAll(() => spawner.close());

test('gives output, errors and the exit code', async () => {
  const child = spawner.spawn('sh', ['-c', 'cat; echo "$WORD" >&2; pwd; exit 3'], {
    cwd: '/usr',
    env: { PATH: '/bin:/usr/bin', WORD: 'set' },
  });
  child.stdin.end('in ');
  expect(await text(child.stdout)).toBe('in /usr\n');
  expect(await text(child.stderr)).toBe('set\n');
  expect(await child.exited).toEqual({ code: 3, signal: null });
});

test('inherits no environment', async () => {
  const child = spawner.spawn('env', []);
  child.stdin.end();
  expect(
    (await text(child.stdout)).split('\n').filter((line) => !/^(PATH|PWD|SHLVL|_)=/.test(line)),
  ).toEqual(['']);
});

test('a missing program fails with its code and hurts no other child', async () => {
  await expect(spawner.spawn('/no/such/program', []).exited).rejects.toMatchObject({
    code: 'ENOENT',
  });
  await expect(spawner.spawn('true', [], { cwd: '/no/such' }).exited).rejects.toMatchObject({
    code: 'ENOENT',
  });
  expect(await spawner.spawn('true', []).exited).toEqual({ code: 0, signal: null });
});

test('A2 one write larger than any frame goes in small ones, and the helper lives', async () => {
  const { pid } = spawner;
  const child = spawner.spawn('wc', ['-c']);
  child.stdin.end(Buffer.alloc(65 * 2 ** 20));
  expect((await text(child.stdout)).trim()).toBe(String(65 * 2 ** 20));
  // What is written to a process that does not read waits here, and not in the helper.
  const deaf = spawner.spawn('sleep', ['60']);
  deaf.stdin.write(Buffer.alloc(65 * 2 ** 20));
  expect(await text(spawner.spawn('echo', ['heard']).stdout)).toBe('heard\n');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  expect(Number(/VmRSS:\s+(\d+)/.exec(status)![1])).toBeLessThan(160 * 1024);
  deaf.kill();
  expect(spawner.pid).toBe(pid);
});

test('carries 32 MiB both ways unchanged', async () => {
  const child = spawner.spawn('cat', []);
  const block = randomBytes(1024 * 1024);
  const sent = createHash('sha256');
  const got = createHash('sha256');
  const source = Readable.from(
    (function* () {
      for (let i = 0; i < 32; i++) {
        sent.update(block);
        yield block;
      }
    })(),
  );
  await Promise.all([pipeline(source, child.stdin), pipeline(child.stdout, got)]);
  expect(got.digest('hex')).toBe(sent.digest('hex'));
  expect(await child.exited).toEqual({ code: 0, signal: null });
});

test('a reader that does not read stops the writer, and only that one', async () => {
  const flood = spawner.spawn('sh', ['-c', 'yes']);
  const other = spawner.spawn('sh', ['-c', 'head -c 3000000 /dev/zero | wc -c']);
  expect((await text(other.stdout)).trim()).toBe('3000000');
  expect(flood.stdout.readableLength).toBeLessThan(512 * 1024);
  flood.kill();
  expect((await flood.exited).signal).toBe('SIGKILL');
});

test('a child that closes its input fails the writer, not the server', async () => {
  const child = spawner.spawn('sh', ['-c', 'exec 0<&-; sleep 0.05; exit 0']);
  const endless = Readable.from(
    (function* () {
      for (;;) yield Buffer.alloc(65536);
    })(),
  );
  await expect(pipeline(endless, child.stdin)).rejects.toMatchObject({ code: 'EPIPE' });
  expect((await child.exited).code).toBe(0);
});

test('kill reaches the whole process group', async () => {
  const child = spawner.spawn('sh', ['-c', 'sleep 1000 & echo $!; wait']);
  const pid = Number((await once(child.stdout, 'data'))[0].toString());
  child.kill();
  await child.exited;
  await until(() => !runs(pid));
});

test('descriptor 3 is a channel of its own', async () => {
  const child = spawner.spawn('bash', ['-c', 'read -r -u 3 line; echo "got $line" >&3; echo out'], {
    control: true,
  });
  child.control.write('ping\n');
  expect(await text(child.control)).toBe('got ping\n');
  expect(await text(child.stdout)).toBe('out\n');
});

test('when the helper dies, children fail clearly and a new helper serves', async () => {
  const child = spawner.spawn('sleep', ['1000']);
  const before = spawner.pid!;
  const greeting = spawner.spawn('sh', ['-c', 'echo $$; sleep 1000']);
  const pid = Number((await once(greeting.stdout, 'data'))[0].toString());
  process.kill(before, 'SIGKILL');
  await expect(child.exited).rejects.toMatchObject({ code: 'HELPER_DIED' });
  await until(() => !runs(pid));
  expect(await spawner.spawn('true', []).exited).toEqual({ code: 0, signal: null });
  expect(spawner.pid).not.toBe(before);
});

test('when the server is killed, the helper kills the children and ends', async () => {
  const source = `
    import { startSpawner } from ${JSON.stringify(new URL('../../src/spawn/spawner.ts', import.meta.url).href)};
    const spawner = await startSpawner();
    const child = spawner.spawn('sh', ['-c', 'sleep 1000 & echo $!; wait']);
    child.stdout.once('data', (d) => console.log(spawner.pid + ' ' + d));`;
  const server = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [helper, sleeper] = (await once(server.stdout, 'data'))[0]
    .toString()
    .split(' ')
    .map(Number);
  expect(runs(helper) && runs(sleeper)).toBe(true);
  server.kill('SIGKILL');
  await until(() => !runs(helper) && !runs(sleeper));
});

test('after close nothing can be started', async () => {
  const own = await startSpawner();
  const child = own.spawn('sleep', ['1000']);
  await own.close();
  await expect(child.exited).rejects.toMatchObject({ code: 'HELPER_DIED' });
  await expect(own.spawn('true', []).exited).rejects.toMatchObject({ code: 'CLOSED' });
});

function runs(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) && !/\) Z /.test(readFileSync(file, 'utf8'));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10);
}

test('a child with a control channel is forgotten once it has ended', async () => {
  const own = await startSpawner();
  const child = own.spawn('true', [], { control: true });
  const ends = [child.stdout, child.stderr, child.control].map((stream) =>
    once(stream.resume(), 'end'),
  );
  await Promise.all([child.exited, ...ends]);
  const failed = once(child.control, 'error').then(() => 'failed');
  await own.close();
  expect(await Promise.race([failed, sleep(50, 'quiet')])).toBe('quiet');
});
