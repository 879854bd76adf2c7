/** What one reads about where things are kept. */
export const storage = {
  text: 'Where the files of this team are kept, and how much room they take with all their versions.',
  backends: {
    git: 'Git repositories',
    s3: 'S3',
    disk: 'Disk',
    ram: 'Memory',
    hybrid: 'Disk and S3',
  },
  what: {
    git: 'Text and code, with its whole history.',
    s3: 'Large files.',
    disk: 'Pictures and other small files.',
    ram: 'Gone when the server stops.',
    hybrid: 'What fits nowhere else: on the disk, and a copy in S3 where there is one.',
  },
  used: (size: string) => `${size} in all`,
  files: (count: number, size: string) => `${count === 1 ? '1 file' : `${count} files`}, ${size}`,
  versions: (count: number, size: string) =>
    `${count === 1 ? '1 version' : `${count} versions`}, ${size}`,
  byBackend: 'By backend',
  byWorkspace: 'By workspace',
  share: (name: string) => `Share of ${name}`,
  emptyTitle: 'Nothing is stored yet',
  emptyText: 'Write a document or upload a file, and this place shows where it went.',
} as const;
