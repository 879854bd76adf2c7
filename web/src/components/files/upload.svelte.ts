import type { Sending } from '../../services/uploads.ts';

/**
 * `asking`: a zip, to be unpacked or kept? `retrying`: the server is away. `interrupted`: by a reload,
 * which took the file from us.
 */
type Status =
  | 'asking'
  | 'waiting'
  | 'sending'
  | 'retrying'
  | 'paused'
  | 'interrupted'
  | 'done'
  | 'failed';

type About = {
  workspaceId: string;
  path: string;
  size: number;
  lastModified: number;
  purpose: 'file' | 'import';
};

let lastId = 0;

/** One file on its way to the server. Sizes in bytes. */
export class Upload {
  readonly id: number = ++lastId;
  readonly workspaceId: string;
  readonly path: string;
  readonly size: number;
  readonly lastModified: number;
  purpose: 'file' | 'import' = $state('file');
  file: File | null = $state.raw(null);
  status: Status = $state('waiting');
  sent = $state(0);
  /** Why it failed, in words. */
  problem = $state('');
  /** The id of the file, or of the transfer, that it became. */
  result = $state('');
  outcome: 'created' | 'changed' | 'same' | null = $state(null);
  /** Where it goes on. */
  url: string | undefined;
  sending: Sending | undefined;
  /** Counts the attempts, so that one that was stopped does not speak for the next. */
  attempt = 0;

  constructor(about: About, file: File | null = null) {
    this.workspaceId = about.workspaceId;
    this.path = about.path;
    this.size = about.size;
    this.lastModified = about.lastModified;
    this.purpose = about.purpose;
    this.file = file;
  }

  get isRunning(): boolean {
    return this.status === 'sending' || this.status === 'retrying';
  }

  /** Whether a file is the one that was being sent, as far as a browser tells. */
  isOf(file: File): boolean {
    return file.size === this.size && file.lastModified === this.lastModified;
  }
}
