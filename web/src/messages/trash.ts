/** The trash, and workspaces that are closed. */
export const trashTexts = {
  title: 'Trash',
  emptyTitle: 'The trash is empty',
  emptyText:
    'Files and workspaces that you delete stay here for a while, with all their versions, until you bring them back.',
  workspace: 'Workspace, with everything in it',
  restore: 'Restore',
  restored: (name: string) => `Restored “${name}”`,
  deleted: (when: string) => `Deleted ${when}`,
  remove: 'Delete for good…',
  removeNow: 'Delete for good',
  removeTitle: (count: number, name: string) =>
    count === 1 ? `Delete “${name}” for good?` : `Delete ${count} things for good?`,
  removeText:
    'All versions go with it and nobody can bring them back. A file that was committed stays in the history of its git repository; a workspace takes its repository with it.',
  removed: (count: number, name: string) =>
    count === 1 ? `“${name}” is deleted for good` : `${count} things are deleted for good`,
  empty: 'Empty the trash…',
};

/** Workspaces that are archived or in the trash. */
export const closedTexts = {
  archivedText: 'This workspace is archived. You can read it; nothing in it can be changed.',
  unarchive: 'Take out of the archive',
  trash: 'Move to trash',
  trashed: (name: string) => `Moved “${name}” to the trash`,
  trashedTitle: 'This workspace is in the trash',
  trashedText: 'Bring it back, with everything in it, to read or change it.',
};
