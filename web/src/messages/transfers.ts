const countOf = (count: number) => (count === 1 ? '1 file' : `${count} files`);

/** What one reads while files are on their way to the server. */
export const uploads = {
  panel: 'Uploads and archives',
  title: (done: number, all: number, isBusy: boolean) => {
    if (isBusy) return `Uploading ${done + 1} of ${all}`;
    return done === all ? `Uploaded ${countOf(all)}` : `Uploaded ${done} of ${all}`;
  },
  failed: (count: number) => `${count} could not be uploaded`,
  emptyFolders: (names: readonly string[]) =>
    names.length === 1
      ? `The folder “${names[0]}” is empty and was left out.`
      : `${names.length} empty folders were left out.`,
  speed: (speed: string, left: string) => `${speed}/s · ${left} left`,
  of: (sent: string, all: string) => `${sent} of ${all}`,
  progress: 'Upload progress',
  progressOf: (name: string) => `Progress of ${name}`,
  list: 'Files',
  fold: 'Show less',
  unfold: 'Show all',
  retry: 'Try again',
  retryOf: (name: string) => `Try ${name} again`,
  pause: (name: string) => `Pause ${name}`,
  resume: (name: string) => `Resume ${name}`,
  cancel: (name: string) => `Cancel ${name}`,
  pauseAll: 'Pause all',
  resumeAll: 'Resume all',
  cancelAll: 'Cancel all',
  waiting: (size: string) => `Waiting · ${size}`,
  retrying: 'The server is away; trying again',
  paused: (sent: string, all: string) => `Paused at ${sent} of ${all}`,
  interrupted: 'Interrupted. Choose it again to go on.',
  choose: 'Choose',
  notThatFile: 'That is another file, or it has changed. Choose the same one to go on.',
  ask: 'Zip',
  unpack: 'Unpack',
  keep: 'Keep as a file',
  outcomes: { created: 'New file', changed: 'New version', same: 'Same as before' },
  done: 'Done',
  unreadable: 'These files could not be read',
};

/** What one reads about archives that come in or go out. */
export const transfers = {
  title: 'Imports and exports',
  text: 'Archives of the last day. An archive that was exported is kept until then.',
  emptyTitle: 'No import or export yet',
  emptyText: 'Import a zip, or download a workspace as one, from the menus of a workspace.',
  more: 'Import and export',
  importZip: 'Import a zip',
  exportZip: 'Download as zip',
  started: 'The export could not be started',
  notSaved: 'The download did not work',
  kinds: { import: 'Import', export: 'Export' },
  importOf: (name: string) => `Import into ${name}`,
  exportOf: (name: string) => `Export of ${name}`,
  queued: 'Waiting for its turn',
  unpacking: (done: number, total: number) => `Unpacking ${done} of ${countOf(total)}`,
  packing: (done: number, total: number) => `Packing ${done} of ${countOf(total)}`,
  imported: (count: number, refused: number) =>
    refused === 0 ? `Unpacked ${countOf(count)}` : `Unpacked ${countOf(count)}, refused ${refused}`,
  packed: (count: number, size: string) => `${countOf(count)}, ${size}`,
  progress: 'Progress of the archive',
  report: 'Report',
  reportOf: (name: string) => `Report of ${name}`,
  expired: 'It is no longer kept.',
  again: 'Start again',
  startedAt: (when: string) => `Started ${when}`,
  which: 'Which files',
  filters: {
    all: 'All',
    refused: 'Refused',
    created: 'New',
    changed: 'New versions',
    same: 'Same',
  },
  outcomes: { created: 'Imported', changed: 'New version', same: 'Same', refused: 'Refused' },
  noneOfThese: 'No file is of this kind.',
  showMore: (count: number) => `Show more of ${countOf(count)}`,
  openWorkspace: 'Open the workspace',
};
