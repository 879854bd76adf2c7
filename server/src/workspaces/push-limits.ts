/** What one push may hold. Beyond it the push is refused with a sentence that names the limit. */
export type PushLimits = {
  /** Bytes of one file. */
  file: number;
  /** Bytes of the pack. */
  pack: number;
  /** Objects in the pack. */
  objects: number;
  /** Branches and tags in one request. */
  refs: number;
  /** Files in a commit of `main`. */
  files: number;
  /** Bytes of one folder's listing in git: about 150,000 names. */
  tree: number;
  /** Bytes of one commit, its message included. */
  commit: number;
};

export const pushLimits = (file: number): PushLimits => ({
  file,
  pack: 4 * 2 ** 30,
  objects: 500_000,
  refs: 1_000,
  files: 100_000,
  tree: 8 * 2 ** 20,
  commit: 2 ** 20,
});
