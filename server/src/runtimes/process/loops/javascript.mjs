/**
 * Runs JavaScript and TypeScript cells; see loop.ts for what goes over descriptor 3. The inspector's
 * REPL mode gives what notebooks need: top-level await and `const` that a later cell may declare
 * again.
 */
import { writeSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { inspect } from 'node:util';

// Node's own streams queue in memory what the reader has not taken yet; a flood must wait instead.
for (const [name, fd] of [
  ['stdout', 1],
  ['stderr', 2],
]) {
  const write = (chunk, _encoding, done) => {
    for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
    done();
  };
  Object.defineProperty(process, name, { value: Object.assign(new Writable({ write }), { fd }) });
}
const control = new Socket({ fd: 3, readable: true, writable: true });
const inspector = new Session();
inspector.connect();
const seen = Symbol.for('kyozo.seen');
const report = (message) => control.write(`${JSON.stringify(message)}\n`);
const emit = (stream, data) => report({ type: 'output', stream, mimeType: 'text/plain', data });

globalThis.require = createRequire('/work/cell.js');
globalThis.display = (value) => {
  emit('display', typeof value === 'string' ? value : inspect(value));
};
process.on('unhandledRejection', (error) => console.error(error));
report({ type: 'ready' });

for await (const line of createInterface({ input: control })) {
  const [nonce, source, setup] = line.split(' ');
  const { language, env } = JSON.parse(Buffer.from(setup, 'base64').toString());
  Object.assign(process.env, env);
  const exitCode = await run(Buffer.from(source, 'base64').toString(), language);
  const marker = `\u0001end ${nonce}\u0001`;
  process.stdout.write(marker);
  process.stderr.write(marker);
  report({ type: 'done', exitCode });
}

async function run(source, language) {
  try {
    const expression = language === 'typescript' ? stripTypeScriptTypes(source) : source;
    const { result, exceptionDetails } = await inspector.post('Runtime.evaluate', {
      expression,
      replMode: true,
      awaitPromise: true,
    });
    if (exceptionDetails) return fail(exceptionDetails.exception ?? exceptionDetails);
    const text = await show(result);
    if (text !== undefined) emit('result', text);
    return 0;
  } catch (error) {
    return fail({ description: String(error.stack ?? error) });
  }
}

function fail({ description, value, text }) {
  const lines = String(description ?? value ?? text).split('\n');
  // The frames below the cell are this loop's own.
  const own = lines.findIndex((line) => /node:inspector|javascript\.mjs/.test(line));
  emit('error', lines.slice(0, own < 0 ? lines.length : own).join('\n'));
  return 1;
}

async function show(result) {
  if (result.type === 'undefined') return undefined;
  if (result.objectId === undefined) return result.unserializableValue ?? inspect(result.value);
  globalThis[seen] = undefined;
  await inspector.post('Runtime.callFunctionOn', {
    objectId: result.objectId,
    functionDeclaration: "function () { globalThis[Symbol.for('kyozo.seen')] = this; }",
  });
  return result.type === 'symbol' ? result.description : inspect(globalThis[seen]);
}
