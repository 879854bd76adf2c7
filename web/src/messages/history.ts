/** What one reads where versions of a file are compared. */
export const historyTexts = {
  title: (name: string) => `History of ${name}`,
  open: 'Compare versions',
  versions: 'Versions',
  version: 'Version',
  against: 'Compared with',
  changes: 'Changes',
  authors: 'Lines and authors',
  show: 'Show',
  start: 'The beginning',
  same: 'These two versions are the same.',
  notText: 'This version is no text, so there is nothing to compare line by line.',
  summary: (added: number, removed: number) =>
    `${added === 1 ? '1 line added' : `${added} lines added`}, ${removed === 1 ? '1 line removed' : `${removed} lines removed`}`,
  added: 'added',
  removed: 'removed',
  table: (from: string, to: string) => `Changes from ${from} to ${to}`,
  blame: (version: number) => `Lines of version ${version} and who wrote them`,
  skipped: (count: number) => (count === 1 ? '1 line unchanged' : `${count} lines unchanged`),
  noLines: 'This version is empty.',
  lines: 'Lines',
} as const;
