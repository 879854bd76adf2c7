import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

/** Asks in turns a server and a bare one beside it, in a thread of its own; milliseconds. */
const program = `
const { createServer, get } = require('node:http');
const { parentPort, workerData } = require('node:worker_threads');
const ask = (url) => new Promise((resolve) => {
  const began = performance.now();
  const done = (status) => resolve({ status, time: performance.now() - began });
  get(url, { agent: false, timeout: 30_000 }, (answer) => answer.resume().on('end', () => done(answer.statusCode)))
    .on('timeout', function () { this.destroy(); }).on('error', () => done(0));
});
const bare = createServer((_request, answer) => answer.end('{}')).listen(0, '127.0.0.1', async () => {
  const control = 'http://127.0.0.1:' + bare.address().port;
  let over = false;
  parentPort.once('message', () => { over = true; });
  let [worst, most, failed, count] = [0, 0, 0, 0];
  while (!over) {
    const [floor, ours] = await Promise.all([ask(control), ask(workerData + '/health/live')]);
    count += 1;
    most = Math.max(most, ours.time);
    worst = Math.max(worst, ours.time - floor.time);
    if (ours.status !== 200) failed += 1;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  bare.close();
  parentPort.postMessage({ worst, most, failed, count });
});`;

/**
 * How a server answered `/health/live`: the longest answer, and the longest beyond what a bare server
 * took at the same moment on the same machine; milliseconds.
 */
export type Pulse = { worst: number; most: number; failed: number; count: number };

/** Takes the pulse until the returned function is called. */
export function takePulse(url: string): () => Promise<Pulse> {
  const worker = new Worker(program, { eval: true, workerData: url });
  return () =>
    new Promise((resolve, reject) => {
      worker.once('message', (pulse: Pulse) => {
        void worker.terminate();
        resolve(pulse);
      });
      worker.once('error', reject);
      worker.postMessage('over');
    });
}

/** Resident bytes of a process. */
export function memoryOf(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(kilobytes) * 1024;
}
