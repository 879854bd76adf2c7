import { constants, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { loadPyodide } from 'pyodide';
import type { PyCallable } from 'pyodide/ffi';
import type { Evaluate, Files, Io } from './evaluator.ts';

const CELL = new URL('../process/loops/cell.py', import.meta.url);
const START = `
import os, sys
from pyodide.ffi import run_sync
sys.path.insert(0, '/opt/kyozo')
import cell
sys.path[0] = ''
namespace = {'__name__': '__main__'}
def run(source, number, env, emit):
    os.environ.update(env.to_py())
    namespace['display'] = lambda value: cell.display(emit, value)
    code, reason = cell.run(source, number, namespace, emit, run_sync)
    sys.stdout.flush()
    sys.stderr.flush()
    return f'{code} {reason}'
run
`;

type Run = PyCallable & {
  callPromising(source: string, number: number, env: object, emit: Io['emit']): Promise<string>;
};

/** CPython in WebAssembly, with the standard library and no way out to JavaScript's globals. */
export async function openPython(files: Files): Promise<Evaluate> {
  // Pyodide asks for this old interface, which the permission model refuses, for constants only.
  Object.assign(process, { binding: () => ({ fs: constants }) });
  const pyodide = await loadPyodide({ jsglobals: Object.create(null), stdin: () => null });
  const { FS } = pyodide;
  for (const { path, bytes } of files) {
    FS.mkdirTree(dirname(`/work/${path}`));
    FS.writeFile(`/work/${path}`, bytes);
  }
  FS.mkdirTree('/work');
  FS.mkdirTree('/opt/kyozo');
  FS.writeFile('/opt/kyozo/cell.py', readFileSync(CELL));
  FS.chdir('/work');
  const run = pyodide.runPython(START) as Run;
  let number = 0;
  return async ({ source, env }, io) => {
    for (const stream of ['stdout', 'stderr'] as const) {
      const write = (bytes: Uint8Array) => {
        io.print(stream, bytes.slice());
        return bytes.length;
      };
      if (stream === 'stdout') pyodide.setStdout({ write });
      else pyodide.setStderr({ write });
    }
    number += 1;
    const [code, reason] = (await run.callPromising(source, number, env, io.emit)).split(' ');
    return { exitCode: Number(code), reason: reason === 'memory' ? reason : undefined };
  };
}
