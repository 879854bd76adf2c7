import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { openProcessRuntime } from '../../src/runtimes/process/process-runtime.ts';
import { runtimeContract } from './contract.ts';
import { floods } from './floods.ts';
import { leftovers } from './leftovers.ts';
import { stoppingContract } from './stopping.ts';

const bwrap = findBwrap();

if (bwrap === undefined) {
  console.warn('NOT TESTED: the process runtime, because bubblewrap (bwrap) is not installed.');
  describe.skip('process runtime', () => {
    test('needs bubblewrap', () => {});
  });
} else {
  runtimeContract(
    'process',
    (spawner) => openProcessRuntime(spawner, bwrap),
    (tools) => {
      const { run } = tools;
      stoppingContract(tools, ['bash', 'python']);
      leftovers(tools);
      floods(tools);

      test('files are written in the working copy and in /tmp, nowhere else', async () => {
        await run("open('made.txt', 'w').write('by python')");
        expect((await run('cat made.txt', 'bash')).of('stdout')).toBe('by python');
        const tries = await run(
          'for d in / /usr /etc /opt /opt/kyozo /proc /proc/sys/kernel /dev /work/.. ; do touch $d/x 2>/dev/null && echo "$d"; done; true',
          'bash',
        );
        expect(
          tries
            .of('stdout')
            .split('\n')
            .filter((line) => line !== ''),
        ).toEqual([]);
      });

      test('a fork bomb ends with the cell', async () => {
        const bomb = await run('f() { f | f & }; f; sleep 100', 'bash', { timeoutMs: 1500 });
        // At its limit of processes it may also fall by itself.
        expect(['timeout', 'killed']).toContain(bomb.reason);
        expect((await run('echo alive', 'bash')).of('stdout')).toBe('alive\n');
      });

      test('there is no way to more rights', async () => {
        const ids = await run("import os\nopen('/proc/self/status').read()");
        expect(ids.of('result')).toMatch(/NoNewPrivs:\\t1/);
        expect(ids.of('result')).toMatch(/CapEff:\\t0000000000000000/);
        expect(ids.of('result')).toMatch(/CapBnd:\\t0000000000000000/);
        const more = await run(
          'unshare -r true 2>/dev/null && echo namespace; mount -t tmpfs x /tmp 2>/dev/null && echo mount; ls /proc | grep -c "^[0-9]" ',
          'bash',
        );
        expect(more.of('stdout')).not.toMatch(/namespace|mount/);
        expect(Number(more.of('stdout'))).toBeLessThan(12);
      });

      test('system calls that broke sandboxes before are refused', async () => {
        const numbers = {
          x64: [250, 425, 323, 321, 298, 101, 165, 272, 304, 29, 68],
          arm64: [219, 425, 282, 280, 241, 117, 40, 97, 265, 194, 186],
        };
        const calls = numbers[process.arch as keyof typeof numbers];
        const tried = await run(
          `import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n[(libc.syscall(n, 0, 0, 0, 0, 0), ctypes.get_errno()) for n in ${JSON.stringify(calls)}]`,
        );
        expect(tried.of('result')).toBe(`[${calls.map(() => '(-1, 1)').join(', ')}]`);
        expect((await run("open('/proc/self/status').read()")).of('result')).toMatch(
          /Seccomp:\\t2/,
        );
      });

      test('a cell that lies to the server fools only itself', async () => {
        const lie = await run(
          'import os\nos.write(3, b\'{"type":"done","exitCode":0}\\n\' + b"garbage\\n")\nimport time\ntime.sleep(5)',
        );
        expect(lie.reason).toBe('killed');
        expect((await run('1 + 1')).of('result')).toBe('2');
      });
    },
  );
}

function findBwrap(): string | undefined {
  try {
    return execFileSync('sh', ['-c', 'command -v bwrap'], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}
