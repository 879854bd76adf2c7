import type { Language, Output } from '../runtime.ts';

export type Io = {
  print(stream: 'stdout' | 'stderr', text: string | Uint8Array): void;
  emit(stream: Output['stream'], mimeType: string, data: string): void;
};

export type Files = { path: string; bytes: Uint8Array }[];
export type Task = { source: string; language: Language; env: Record<string, string> };
export type Verdict = { exitCode: number; reason?: 'memory' };

/** Runs the cells of one language inside WebAssembly or an interpreter; keeps their state. */
export type Evaluate = (task: Task, io: Io) => Promise<Verdict>;
