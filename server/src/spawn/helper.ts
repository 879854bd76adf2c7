/**
 * The spawn helper: a small process that spawns on behalf of the server, because a fork copies the
 * parent's page tables (1 GiB: 60 ms; this process: 1.4 ms). It talks over descriptor 3. When that
 * closes, the server is gone: every child's process group is killed and the helper ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import {
  encodeCredit,
  encodeFrame,
  encodeJson,
  type Frame,
  FrameDecoder,
  Kind,
  WINDOW,
} from './frames.ts';
import type { SpawnRequest } from './spawner.ts';

type Running = {
  process: ChildProcess;
  windows: Map<number, number>;
  open: number;
};

const children = new Map<number, Running>();
const decoder = new FrameDecoder();
const server = new Socket({ fd: 3, readable: true, writable: true });

server.on('data', (chunk: Buffer) => {
  for (const frame of decoder.push(chunk)) handle(frame);
});
server.on('close', endAll);
server.on('error', endAll);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
server.write(encodeFrame(Kind.Ready, 0));

function handle(frame: Frame): void {
  if (frame.kind === Kind.Spawn) {
    start(frame.child, JSON.parse(frame.payload.toString()) as SpawnRequest);
    return;
  }
  const running = children.get(frame.child);
  if (!running) return;
  if (frame.kind === Kind.Data) write(frame, running);
  else if (frame.kind === Kind.End) writable(running, frame.fd)?.end();
  else if (frame.kind === Kind.Credit) grant(frame, running);
  else if (frame.kind === Kind.Kill) killGroup(running, frame.payload.toString() as NodeJS.Signals);
}

function start(id: number, request: SpawnRequest): void {
  const { command, args, control, ...options } = request;
  const fail = (error: Error) => server.write(encodeJson(Kind.Failed, id, describe(error)));
  try {
    const child = spawn(command, args, {
      ...options,
      detached: true,
      stdio: control ? ['pipe', 'pipe', 'pipe', 'pipe'] : ['pipe', 'pipe', 'pipe'],
    });
    child.once('error', (error) => {
      if (child.pid === undefined) fail(error);
    });
    if (child.pid !== undefined) attach(id, child);
  } catch (error) {
    fail(error as Error);
  }
}

function attach(id: number, child: ChildProcess): void {
  const running: Running = { process: child, windows: new Map(), open: 1 };
  children.set(id, running);
  const release = () => {
    running.open -= 1;
    if (running.open === 0) children.delete(id);
  };
  server.write(encodeJson(Kind.Started, id, child.pid));
  for (let fd = 1; fd < child.stdio.length; fd++) {
    running.open += 1;
    forward(id, fd, running, release);
  }
  child.stdin?.on('error', () => {});
  child.stdin?.once('close', () => server.write(encodeFrame(Kind.End, id, 0)));
  child.once('exit', (code, signal) => {
    server.write(encodeJson(Kind.Exit, id, { code, signal }));
    release();
  });
}

function forward(id: number, fd: number, running: Running, release: () => void): void {
  const stream = running.process.stdio[fd] as Readable;
  running.windows.set(fd, WINDOW);
  stream.on('data', (chunk: Buffer) => {
    const left = running.windows.get(fd)! - chunk.length;
    running.windows.set(fd, left);
    server.write(encodeFrame(Kind.Data, id, fd, chunk));
    if (left <= 0) stream.pause();
  });
  stream.on('error', () => {});
  // Descriptor 3 goes both ways: without this it would stay half open when the child has ended.
  stream.once('end', () => stream.destroy());
  stream.once('close', () => {
    server.write(encodeFrame(Kind.End, id, fd));
    release();
  });
}

function write(frame: Frame, running: Running): void {
  const size = frame.payload.length;
  writable(running, frame.fd)?.write(frame.payload, (error) => {
    if (!error) server.write(encodeCredit(frame.child, frame.fd, size));
  });
}

function grant(frame: Frame, running: Running): void {
  const left = running.windows.get(frame.fd)! + frame.payload.readUInt32BE(0);
  running.windows.set(frame.fd, left);
  if (left > 0) (running.process.stdio[frame.fd] as Readable).resume();
}

function writable(running: Running, fd: number): Writable | undefined {
  return (running.process.stdio[fd] ?? undefined) as Writable | undefined;
}

function killGroup(running: Running, signal: NodeJS.Signals): void {
  try {
    process.kill(-running.process.pid!, signal);
  } catch {
    // The group has ended already.
  }
}

function endAll(): void {
  for (const running of children.values()) killGroup(running, 'SIGKILL');
  process.exit(0);
}

function describe(error: Error): { message: string; code?: string } {
  return { message: error.message, code: (error as NodeJS.ErrnoException).code };
}
