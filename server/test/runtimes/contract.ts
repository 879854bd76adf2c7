/** What every runtime must do, and what no cell may. Each runtime's test hands in how to open one. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Language,
  type Limits,
  type Output,
  type Runtime,
  RuntimeUnavailable,
  type Session,
} from '../../src/runtimes/runtime.ts';
import { type Spawner, startSpawner } from '../../src/spawn/spawner.ts';

const LIMITS: Partial<Limits> = { memoryBytes: 320 * 2 ** 20, outputBytes: 100_000, processes: 32 };
const SECRET = 'a secret of the server';

export type Ran = { code: number; reason?: string; outputs: Output[]; of(stream: string): string };
export type RunOptions = {
  timeoutMs?: number;
  env?: Record<string, string>;
  signal?: AbortSignal;
  /** Called when the cell has said something. */
  said?(output: Output): void;
};
export type Tools = {
  run(source: string, language?: Language, options?: RunOptions): Promise<Ran>;
  session(): Session;
  folder(): string;
};

export function runtimeContract(
  name: string,
  open: (spawner: Spawner) => Promise<Runtime>,
  more: (tools: Tools) => void,
): void {
  describe(`${name} runtime`, { timeout: 60_000 }, () => {
    let spawner: Spawner;
    let runtime: Runtime;
    let folder: string;
    let session: Session;
    let listener: Server;
    let knocks = 0;

    beforeAll(async () => {
      process.env.KYOZO_TEST_SECRET = SECRET;
      spawner = await startSpawner();
      runtime = await open(spawner);
      folder = await mkdtemp(join(tmpdir(), 'kyozo-cells-'));
      await writeFile(join(folder, 'a.txt'), 'from the workspace');
      session = await runtime.start({ directory: folder, limits: LIMITS });
      listener = createServer(() => (knocks += 1)).listen(0, '127.0.0.1');
    }, 60_000);
    afterAll(async () => {
      await session.close();
      await spawner.close();
      listener.close();
      await rm(folder, { recursive: true, force: true });
    });

    const run: Tools['run'] = async (source, language = 'python', options = {}) => {
      const { timeoutMs = 30_000, env, signal, said } = options;
      const outputs: Output[] = [];
      const emit = (output: Output) => {
        outputs.push(output);
        said?.(output);
      };
      const cell = { source, language, timeoutMs, env };
      const { exitCode, reason } = await session.run(cell, emit, signal);
      const of = (stream: string) =>
        outputs
          .filter((output) => output.stream === stream)
          .map(({ data }) => data)
          .join('');
      return { code: exitCode, reason, outputs, of };
    };

    test('bash prints, fails and keeps variables, exports and the folder', async () => {
      const one = await run('x=5; export Y=6; mkdir -p d; cd d; echo out; echo err >&2', 'bash');
      expect([one.code, one.of('stdout'), one.of('stderr')]).toEqual([0, 'out\n', 'err\n']);
      const two = await run('echo "$x $Y $(basename "$PWD")"; false', 'bash');
      expect([two.code, two.of('stdout')]).toEqual([1, '5 6 d\n']);
      expect((await run('cd ..; cat a.txt', 'bash')).of('stdout')).toBe('from the workspace');
      expect((await run('exit 7', 'bash')).code).toBe(7);
      expect((await run('if', 'bash')).code).not.toBe(0);
    });

    test('python gives results, keeps state and explains errors', async () => {
      const one = await run(
        "import sys\nprint('out')\nprint('err', file=sys.stderr)\nx = [1]\nx + [2]",
      );
      expect([one.of('stdout'), one.of('stderr'), one.of('result')]).toEqual([
        'out\n',
        'err\n',
        '[1, 2]',
      ]);
      expect(one.outputs.at(-1)).toEqual({
        stream: 'result',
        mimeType: 'text/plain',
        data: '[1, 2]',
      });
      expect((await run('x.append(9); x')).of('result')).toBe('[1, 9]');
      const bad = await run('def f():\n  return 1 / 0\nf()');
      expect([bad.code, bad.reason]).toEqual([1, undefined]);
      expect(bad.of('error')).toMatch(
        /^Traceback[\s\S]*line 3, in <module>\n {4}f\(\)[\s\S]*line 2, in f[\s\S]*\nZeroDivisionError: division by zero$/,
      );
      expect((await run('def')).of('error')).toMatch(/SyntaxError/);
      expect((await run('import sys; sys.exit(4)')).code).toBe(4);
      expect((await run('import asyncio\nawait asyncio.sleep(0.001, "slept")')).of('result')).toBe(
        "'slept'",
      );
      expect((await run("open('a.txt').read()")).of('result')).toBe("'from the workspace'");
      const rich = await run("class R:\n  def _repr_html_(self): return '<b>x</b>'\ndisplay(R())");
      expect(rich.outputs).toEqual([
        { stream: 'display', mimeType: 'text/html', data: '<b>x</b>' },
      ]);
    });

    test('cells leave the processor to the server', async () => {
      await Promise.all([run('1', 'bash'), run('1'), run('1', 'javascript')]);
      const priorities = await prioritiesOf(folder);
      expect(priorities.length).toBeGreaterThanOrEqual(3);
      expect(new Set(priorities)).toEqual(new Set([10]));
    });

    test('javascript and typescript share their variables', async () => {
      const one = await run(
        "console.log('out'); console.error('err'); const a = { b: [1] }; a",
        'javascript',
      );
      expect([one.of('stdout'), one.of('stderr'), one.of('result')]).toEqual([
        'out\n',
        'err\n',
        '{ b: [ 1 ] }',
      ]);
      const two = await run('const n: number = a.b.length + 1;\na.b.push(n);\na', 'typescript');
      expect(two.of('result')).toBe('{ b: [ 1, 2 ] }');
      expect((await run('const a = 3;\na', 'javascript')).of('result')).toBe('3');
      const bad = await run("throw new TypeError('bad')", 'javascript');
      expect([bad.code, bad.of('error').split('\n')[0]]).toEqual([1, 'TypeError: bad']);
      expect((await run('const const', 'javascript')).of('error')).toMatch(/^SyntaxError/);
      expect((await run('enum A { B }', 'typescript')).code).toBe(1);
      expect((await run('const b = await Promise.resolve(1); b', 'javascript')).of('result')).toBe(
        '1',
      );
      expect((await run('const b = 2; b', 'javascript')).of('result')).toBe('2');
    });

    test('the environment is set before the cell', async () => {
      const env = { GREETING: "it's $HOME" };
      expect((await run('echo "$GREETING"', 'bash', { env })).of('stdout')).toBe("it's $HOME\n");
      expect(
        (await run("import os; print(os.environ['GREETING'])", 'python', { env })).of('stdout'),
      ).toBe("it's $HOME\n");
      expect((await run('process.env.GREETING', 'javascript', { env })).of('result')).toMatch(
        /it's \$HOME/,
      );
    });

    test('cells sent together run one after the other', async () => {
      const cells = Array.from({ length: 5 }, (_, at) =>
        run(`seen = globals().get('seen', []) + [${at}]; seen`),
      );
      expect((await Promise.all(cells)).at(-1)!.of('result')).toBe('[0, 1, 2, 3, 4]');
    });

    test('an endless loop ends in time and the session lives on', async () => {
      for (const [language, source] of [
        ['python', 'while True: pass'],
        ['bash', 'while :; do :; done'],
        ['javascript', 'for (;;);'],
      ] as const) {
        const ran = await run(source, language, { timeoutMs: 300 });
        expect([ran.code, ran.reason], language).toEqual([124, 'timeout']);
        expect((await run(language === 'bash' ? 'true' : '1', language)).code, language).toBe(0);
      }
    });

    test('an interrupt ends the cell', async () => {
      const stop = new AbortController();
      const source = "import time\nprint('on', flush=True)\nwhile True: time.sleep(0.01)";
      const running = run(source, 'python', { signal: stop.signal, said: () => stop.abort() });
      expect((await running).reason).toBe('killed');
      expect((await run('1 + 1')).of('result')).toBe('2');
    });

    test('memory has an end', async () => {
      expect(
        (await run('b = bytearray(2**30)\nfor i in range(0, 2**30, 4096): b[i] = 1')).reason,
      ).toBe('memory');
      expect(
        (await run('const l = []; for (;;) l.push(new Array(100000).fill(1.5))', 'javascript'))
          .reason,
      ).toBe('memory');
      expect((await run('1 + 1')).of('result')).toBe('2');
    });

    test('output has an end', async () => {
      for (const [language, source] of [
        ['python', "while True: print('x' * 99)"],
        ['bash', 'while :; do echo xxxxxxxxxxxxxxxxxxxx; done'],
        ['javascript', "for (;;) console.log('x'.repeat(99))"],
      ] as const) {
        const ran = await run(source, language);
        expect(ran.reason, language).toBe('output');
        expect(ran.of('stdout').length, language).toBe(LIMITS.outputBytes);
      }
    });

    test('a cell sees neither the machine nor the server', async () => {
      const steal = `
import os
found = []
for path in ('/etc/shadow', '/root', '/home', '${process.cwd()}', '/proc/1/cwd/etc/shadow'):
    try: found.append(os.listdir(path) if os.path.isdir(path) else open(path).read())
    except Exception: pass
for entry in (os.listdir('/proc') if os.path.exists('/proc') else []):
    try: found.append(open('/proc/' + entry + '/environ').read())
    except Exception: pass
text = repr(found)
'${SECRET}' in text, 'KYOZO' in text, 'root:' in text, 'package.json' in text`;
      expect((await run(steal)).of('result')).toBe('(False, False, False, False)');
      expect((await run('cat /etc/shadow; env', 'bash')).of('stdout')).not.toMatch(
        /root:|KYOZO|secret/,
      );
    });

    test('a cell reaches no network, not even this machine', async () => {
      const { port } = listener.address() as { port: number };
      const knock = `import socket\nsocket.create_connection(('127.0.0.1', ${port}), 2).send(b'x')`;
      expect((await run(knock)).code).toBe(1);
      await run(`exec 9<>/dev/tcp/127.0.0.1/${port}; curl http://127.0.0.1:${port}`, 'bash');
      await run(`fetch('http://127.0.0.1:${port}').catch(() => {})`, 'javascript');
      expect(knocks).toBe(0);
    });

    test('two sessions share nothing', async () => {
      const directory = await mkdtemp(join(tmpdir(), 'kyozo-cells-'));
      const other = await runtime.start({ directory });
      await run("mine = 1; open('/tmp/mine', 'w').write('x')");
      const seen: string[] = [];
      const source =
        "import os; print('mine' in globals(), os.path.exists('/tmp/mine'), os.listdir('.'))";
      await other.run({ source, language: 'python', timeoutMs: 30_000 }, ({ data }) =>
        seen.push(data),
      );
      await other.close();
      await rm(directory, { recursive: true });
      expect(seen.join('')).toBe('False False []\n');
      await expect(
        other.run({ source, language: 'python', timeoutMs: 1 }, () => {}),
      ).rejects.toBeInstanceOf(RuntimeUnavailable);
    });

    more({ run, session: () => session, folder: () => folder });
  });
}

/** The nice values of the processes whose command line names a folder. */
async function prioritiesOf(folder: string): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const commands = pids.map(async (pid) => {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    return command.includes(folder) ? [getPriority(pid)] : [];
  });
  return (await Promise.all(commands)).flat();
}
