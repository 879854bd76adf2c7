import { messages } from '../../messages.ts';
import type { FileVersion } from '../../types/records.ts';

/** The names of those who made a version, as one text. */
export const authorsOf = ({ authors }: Pick<FileVersion, 'authors'>): string =>
  authors.map(({ name, email }) => name ?? email ?? messages.document.someone).join(', ');
