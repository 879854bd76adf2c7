import { stripTypeScriptTypes } from 'node:module';
import { getQuickJS, type QuickJSContext, type QuickJSHandle } from 'quickjs-emscripten';
import type { Evaluate, Files, Io, Verdict } from './evaluator.ts';
import { toTopLevel } from './top-level.ts';

const PRELUDE = `
globalThis.console = {};
globalThis.process = { env: {} };
(() => {
  const show = (value, depth = 0, seen = []) => {
    if (typeof value === 'string') return depth ? JSON.stringify(value) : value;
    if (typeof value === 'bigint') return value + 'n';
    if (typeof value === 'function') return '[Function: ' + (value.name || 'anonymous') + ']';
    if (value === null || typeof value !== 'object') return String(value);
    if (value instanceof Error) return value.stack ? value.name + ': ' + value.message : String(value);
    if (seen.includes(value)) return '[Circular]';
    const below = [...seen, value];
    const inner = (one) => show(one, depth + 1, below);
    if (Array.isArray(value)) return '[ ' + value.map(inner).join(', ') + ' ]';
    if (value instanceof Map) return 'Map { ' + [...value].map(([k, v]) => inner(k) + ' => ' + inner(v)).join(', ') + ' }';
    if (value instanceof Set) return 'Set { ' + [...value].map(inner).join(', ') + ' }';
    if (value instanceof Date || value instanceof RegExp) return String(value);
    const parts = Object.keys(value).map((key) => key + ': ' + inner(value[key]));
    return parts.length ? '{ ' + parts.join(', ') + ' }' : '{}';
  };
  globalThis.__show = (value) => show(value, 1);
  for (const [name, stream] of [['log', 'stdout'], ['info', 'stdout'], ['debug', 'stdout'], ['warn', 'stderr'], ['error', 'stderr']]) {
    console[name] = (...values) => __print(stream, values.map((value) => show(value)).join(' ') + '\\n');
  }
  globalThis.display = (value) => __display(show(value));
})();`;

/** QuickJS in WebAssembly: the language and a console, no modules and no machine. */
export async function openJavaScript(files: Files, memoryBytes: number): Promise<Evaluate> {
  const quickjs = await getQuickJS();
  const runtime = quickjs.newRuntime({
    memoryLimitBytes: memoryBytes,
    maxStackSizeBytes: 512 * 1024,
  });
  const context = runtime.newContext();
  let io: Io | undefined;
  expose(context, '__print', (stream, text) => {
    io?.print(stream === 'stderr' ? 'stderr' : 'stdout', text ?? '');
    return undefined;
  });
  expose(context, '__display', (text) => {
    io?.emit('display', 'text/plain', text ?? '');
    return undefined;
  });
  const stored = new Map(files.map(({ path, bytes }) => [path, Buffer.from(bytes).toString()]));
  expose(context, 'readFile', (path) => stored.get(path ?? '') ?? null);
  expose(context, 'writeFile', (path, text) => {
    stored.set(path ?? '', text ?? '');
    return undefined;
  });
  context.unwrapResult(context.evalCode(PRELUDE)).dispose();

  return async ({ source, language, env }, current) => {
    io = current;
    setEnv(context, env);
    try {
      const plain = language === 'typescript' ? stripTypeScriptTypes(source) : source;
      return settle(context, current, toTopLevel(plain));
    } catch (error) {
      current.emit('error', 'text/plain', String(error));
      return { exitCode: 1 };
    }
  };
}

async function settle(context: QuickJSContext, io: Io, source: string): Promise<Verdict> {
  const outcome = context.evalCode(source, 'cell.js');
  if (outcome.error) return fail(context, io, outcome.error);
  const promised = context.resolvePromise(outcome.value);
  outcome.value.dispose();
  context.runtime.executePendingJobs();
  const settled = await promised;
  if (settled.error) return fail(context, io, settled.error);
  const { value } = settled;
  if (context.typeof(value) !== 'undefined') {
    io.emit('result', 'text/plain', show(context, value));
  }
  value.dispose();
  return { exitCode: 0 };
}

function fail(context: QuickJSContext, io: Io, error: QuickJSHandle): Verdict {
  const value = context.dump(error) as { name?: string; message?: string; stack?: string };
  error.dispose();
  const text =
    typeof value === 'object' && value !== null
      ? `${value.name ?? 'Error'}: ${value.message ?? ''}\n${value.stack ?? ''}`.trimEnd()
      : String(value);
  io.emit('error', 'text/plain', text);
  const full = value?.name === 'InternalError' && value.message === 'out of memory';
  return full ? { exitCode: 1, reason: 'memory' } : { exitCode: 1 };
}

function show(context: QuickJSContext, value: QuickJSHandle): string {
  const reporter = context.getProp(context.global, '__show');
  const text = context.unwrapResult(context.callFunction(reporter, context.undefined, value));
  reporter.dispose();
  return text.consume((handle) => context.getString(handle));
}

function setEnv(context: QuickJSContext, env: Record<string, string>): void {
  context
    .unwrapResult(context.evalCode(`Object.assign(process.env, ${JSON.stringify(env)})`))
    .dispose();
}

type Host = (...args: (string | undefined)[]) => string | null | undefined;

function expose(context: QuickJSContext, name: string, host: Host): void {
  const handle = context.newFunction(name, (...args) => {
    const answer = host(...args.map((arg) => context.getString(arg)));
    if (answer === null) return context.null;
    return answer === undefined ? context.undefined : context.newString(answer);
  });
  context.setProp(context.global, name, handle);
  handle.dispose();
}
