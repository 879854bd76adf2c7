import { expect, test } from 'vitest';
import { openWasmRuntime } from '../../src/runtimes/wasm/wasm-runtime.ts';
import { runtimeContract } from './contract.ts';
import { stoppingContract } from './stopping.ts';

runtimeContract('wasm', openWasmRuntime, (tools) => {
  const { run } = tools;
  stoppingContract(tools, []);

  test('python finds no way into the process around it', async () => {
    const tries = [
      'from pyodide.code import run_js\nrun_js("1")',
      'import js\njs.process',
      'import js\njs.fetch',
      'import js\njs.eval',
      'import os\nos.fork()',
      'import subprocess\nsubprocess.run(["id"])',
    ];
    for (const source of tries) expect((await run(source)).code, source).toBe(1);
    const deeper =
      'import pyodide_js\nc = pyodide_js.loadPackage.constructor\nc("return process")()';
    expect((await run(deeper)).code).toBe(1);
  });

  test('javascript has no machine', async () => {
    for (const source of ['require', 'fetch', "await import('node:fs')", 'process.exit()']) {
      expect((await run(source, 'javascript')).code, source).toBe(1);
    }
    expect((await run("readFile('a.txt')", 'javascript')).of('result')).toMatch(
      /from the workspace/,
    );
  });
});
