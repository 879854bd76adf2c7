/** The process that runs one language of the wasm runtime; speaks as the sandboxed loops do. */
import { lstatSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net, { Socket } from 'node:net';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import type { Language, Limits } from '../runtime.ts';
import { openBash } from './bash.ts';
import type { Evaluate, Files, Io, Task } from './evaluator.ts';
import { openJavaScript } from './javascript.ts';
import { openPython } from './python.ts';

const MAX_FILES_BYTES = 64 * 1024 * 1024;

const { language, directory, limits } = JSON.parse(process.argv[2]!) as {
  language: Language;
  directory: string;
  limits: Limits;
};
const control = new Socket({ fd: 3, readable: true, writable: true });
forgetTheNetwork();
const evaluate = await open();
report({ type: 'ready' });

const io: Io = {
  print: (stream, text) => writeAll(stream, Buffer.from(text)),
  emit: (stream, mimeType, data) => report({ type: 'output', stream, mimeType, data }),
};

for await (const line of createInterface({ input: control })) {
  const [nonce, source, setup] = line.split(' ') as [string, string, string];
  const verdict = await evaluate(taskOf(decode(source), decode(setup)), io);
  const marker = `\u0001end ${nonce}\u0001`;
  io.print('stdout', marker);
  io.print('stderr', marker);
  report({ type: 'done', ...verdict });
}

/** Not by process.stdout, which would queue a flood in memory. */
function writeAll(stream: 'stdout' | 'stderr', bytes: Buffer): void {
  const fd = stream === 'stdout' ? 1 : 2;
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

/** A shell's setup is in its own words, see loop.ts. */
function taskOf(source: string, setup: string): Task {
  if (language === 'bash') return { source: `${setup}\n${source}`, language, env: {} };
  return { source, ...JSON.parse(setup) };
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}

function open(): Promise<Evaluate> {
  const files = readFiles(directory);
  if (language === 'python') return openPython(files);
  if (language === 'bash') return openBash(files, limits.outputBytes);
  return openJavaScript(files, limits.memoryBytes / 2);
}

function report(message: object): void {
  control.write(`${JSON.stringify(message)}\n`);
}

/** Plain files only: a link could lead out of the folder. */
function readFiles(root: string): Files {
  let left = MAX_FILES_BYTES;
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    const path = join(root, name);
    const found = lstatSync(path);
    if (!found.isFile() || found.size > left) return [];
    left -= found.size;
    return [{ path: relative(root, path), bytes: readFileSync(path) }];
  });
}

/** A second wall behind the empty network namespace, for machines that have none. */
function forgetTheNetwork(): void {
  const refuse = () => {
    throw new Error('there is no network here');
  };
  net.Socket.prototype.connect = refuse;
  Object.assign(net, { connect: refuse, createConnection: refuse, createServer: refuse });
  Object.assign(globalThis, { fetch: undefined, WebSocket: undefined, EventSource: undefined });
  syncBuiltinESMExports();
}
