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
export type StopReason = 'timeout' | 'memory' | 'output' | 'disk' | 'killed';
export type CellResult = { exitCode: number; reason?: StopReason };

export type Limits = {
  /** Of all processes of one language in a session, in bytes. */
  memoryBytes: number;
  processes: number;
  /** Of one cell, all streams together. */
  outputBytes: number;
  /** Of one file that a cell writes. */
  fileBytes: number;
  /** Of the working copy: all bytes on the disk, and how many files and folders. */
  folderBytes: number;
  folderEntries: number;
};

export type StartOptions = {
  /** A copy of the workspace's files made for this session; the cells' working folder. */
  directory: string;
  /** A folder around it for this session alone, which keeps everybody else out whatever a cell opens. */
  around?: string;
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
  /**
   * `signal` stops the cell, whether it runs, waits or its language starts: the reason is `killed`, no
   * further command of it runs, and its processes are gone when the promise resolves. Rejects with
   * RuntimeUnavailable when the sandbox cannot start.
   */
  run(cell: Cell, emit: (output: Output) => void, signal?: AbortSignal): Promise<CellResult>;
  /** Resolves when the session has ended: closed, or because its files took more than the limits. */
  readonly ended: Promise<void>;
  /** Ends every process; resolves when they are gone. */
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

/** The start of a command line that leaves the processor to the server, however busy cells are. */
export const yielding = ['nice', '-n', '10'];

export const DEFAULT_LIMITS: Limits = {
  memoryBytes: 512 * MiB,
  processes: 64,
  outputBytes: 4 * MiB,
  fileBytes: 256 * MiB,
  folderBytes: 512 * MiB,
  folderEntries: 50_000,
};
