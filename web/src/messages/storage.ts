/** What one reads about where things are kept. */
export const storageTexts = {
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
  open: 'Where it is kept',
  move: 'Move…',
  moveOf: (name: string) => `Move the storage of ${name}`,
  moveTitle: (name: string) => `Move the storage of “${name}”`,
  moveText:
    'Pictures, large files and everything else outside git go there: new ones at once, the others in the background while everybody works on. Text stays in git.',
  moveTo: 'Keep it in',
  /** Beside each choice. */
  choices: {
    disk: 'On the disk of the server.',
    s3: 'In S3. A server without S3 uses its disk.',
    hybrid: 'On the disk, and a copy in S3 where there is one.',
  },
  /** Behind the choice that stands. */
  isNow: ' · now',
  moveStart: 'Move',
  waiting: (to: string) => `Waiting to move to ${to}`,
  moving: (to: string, done: number, total: number) => `Moving to ${to}: ${done} of ${total}`,
  moveProgress: (name: string) => `Progress of moving ${name}`,
  stop: 'Stop',
  stopOf: (name: string) => `Stop moving ${name}`,
  stopFailed: 'Stop the move',
  moved: (to: string, count: number, size: string) =>
    count === 0
      ? `Moved to ${to}: nothing lay elsewhere`
      : `Moved to ${to}: ${count === 1 ? '1 content' : `${count} contents`}, ${size}`,
  stopped: (to: string, done: number) =>
    `Stopped on the way to ${to}. What was moved (${done}) is there, the rest stays where it was.`,
  notMoved: (to: string, reason: string, done: number, total: number) =>
    `The move to ${to} has failed: ${reason} ${done} of ${total} were moved, the rest stays where it was. New files go to ${to}.`,
  /** Of a move that has ended while one was elsewhere. */
  ended: {
    queued: (name: string) => `The storage of “${name}” waits to be moved`,
    running: (name: string) => `The storage of “${name}” is being moved`,
    succeeded: (name: string) => `The storage of “${name}” was moved`,
    failed: (name: string) => `The storage of “${name}” could not be moved`,
    cancelled: (name: string) => `Moving the storage of “${name}” was stopped`,
  },
  someWorkspace: 'a workspace',
  nothing: 'Nothing is stored yet',
  share: (name: string) => `Share of ${name}`,
  emptyTitle: 'No workspace yet',
  emptyText: 'Make a workspace, and this place shows where its files are kept.',
} as const;
