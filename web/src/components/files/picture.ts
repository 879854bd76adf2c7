import type { FileRecord, Picture } from '../../types/records.ts';

/** What is known of the newest version of a picture; undefined until the server has read it. */
export function pictureOf({ picture, version }: FileRecord): Picture | undefined {
  if (!picture || !('status' in picture)) return undefined;
  return picture.status === 'ready' && picture.version === version ? picture : undefined;
}
