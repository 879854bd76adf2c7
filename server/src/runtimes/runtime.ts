/** Where cells run. A cell is hostile code: every runtime runs it outside the server, in limits. */

export type Language = 'bash' | 'python' | 'javascript' | 'typescript';

export type Cell = {
  source: string;
  language: Language;
  timeoutMs: number;
  /** Set before the cell runs; stays set for later cells of its language. */
  env?: Record<string, string>;
};

export type Output = {
  stream: 'stdout' | 'stderr' | 'result' | 'display' | 'error';
  mimeType: string;
  /** Text; base64 where the type is binary. */
  data: string;
};

/** Why a cell was ended from outside. */
export type StopReason = 'timeout' | 'memory' | 'output' | 'killed';
export type CellResult = { exitCode: number; reason?: StopReason };

export type Limits = {
  /** Of all processes of one language in a session, in bytes. */
  memoryBytes: number;
  processes: number;
  /** Of one cell, all streams together. */
  outputBytes: number;
  /** Of one file that a cell writes. */
  fileBytes: number;
};

export type StartOptions = {
  /** A copy of the workspace's files made for this session; the cells' working folder. */
  directory: string;
  limits?: Partial<Limits>;
};

export interface Runtime {
  readonly name: 'process' | 'wasm';
  readonly languages: readonly Language[];
  start(options: StartOptions): Promise<Session>;
}

/**
 * Keeps state between cells: variables, and for shells the folder and the exported environment.
 * Cells run one after the other. After a cell that had to be killed its language starts afresh.
 */
export interface Session {
  /** Rejects with RuntimeUnavailable when the sandbox cannot start. */
  run(cell: Cell, emit: (output: Output) => void): Promise<CellResult>;
  /** Ends the running cell with the reason `killed`. */
  interrupt(): void;
  close(): Promise<void>;
}

/** There is nothing here that can run this cell safely. */
export class RuntimeUnavailable extends Error {
  readonly code = 'runtime_unavailable';
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'RuntimeUnavailable';
  }
}

const MiB = 1024 * 1024;

export const DEFAULT_LIMITS: Limits = {
  memoryBytes: 512 * MiB,
  processes: 64,
  outputBytes: 4 * MiB,
  fileBytes: 256 * MiB,
};
