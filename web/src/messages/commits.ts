/** What one reads about the commits of a workspace. */
export const commitTexts = {
  title: 'Commits',
  list: (day: string) => `Commits of ${day}`,
  branch: 'Branch',
  undated: 'without a date',
  merge: 'Merge',
  files: (count: number) => (count === 1 ? '1 file' : `${count} files`),
  copy: (id: string) => `Copy the id ${id}`,
  copied: 'Copied the id of the commit',
  more: 'Show older commits',
  emptyTitle: 'No commit yet',
  emptyText:
    'Each version of a file is a commit. Write a document, upload files or push with git, and what happened is listed here.',
  untitled: 'Without a message',
  parents: (count: number) => (count === 1 ? 'Parent' : 'Parents'),
  changed: (count: number) => (count === 1 ? '1 file changed' : `${count} files changed`),
  first: (shown: number) => `The first ${shown} are shown.`,
  same: 'This commit changes no file.',
} as const;
