/** An upload that had begun when the page was left, with what tells its file from another. */
export type UnfinishedUpload = {
  url: string;
  userId: string;
  teamId: string;
  workspaceId: string;
  purpose: 'file' | 'import';
  path: string;
  size: number;
  lastModified: number;
  /** When it began, in milliseconds; the server forgets it a day after its last piece. */
  begunAt: number;
};

const key = 'kyozo.unfinished-uploads';
const life = 24 * 3_600_000;

/** Addresses of uploads that can go on, kept on this device so that a reload does not lose them. */
export const unfinishedUploads = {
  of: (userId: string, teamId: string): UnfinishedUpload[] =>
    read().filter((each) => each.userId === userId && each.teamId === teamId),

  keep: (upload: UnfinishedUpload): void => {
    write([...read().filter(({ url }) => url !== upload.url), upload]);
  },

  forget: (url: string): void => write(read().filter((each) => each.url !== url)),

  forgetAll: (): void => localStorage.removeItem(key),
};

function read(): UnfinishedUpload[] {
  try {
    const kept = JSON.parse(localStorage.getItem(key) ?? '[]') as UnfinishedUpload[];
    return kept.filter(({ begunAt }) => Date.now() - begunAt < life);
  } catch {
    return [];
  }
}

function write(list: readonly UnfinishedUpload[]): void {
  localStorage.setItem(key, JSON.stringify(list));
}
