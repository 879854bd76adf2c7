const prefix = 'kyozo-document';

/** What this device's copy of a document is called; one for each person who signs in here. */
export function localName(userId: string, fileId: string): string {
  return `${prefix}/${userId}/${fileId}`;
}

/** Forgets every document this device kept; for signing out. */
export async function forgetLocalDocuments(): Promise<void> {
  const all = (await indexedDB.databases?.()) ?? [];
  for (const { name } of all) {
    if (name?.startsWith(`${prefix}/`)) indexedDB.deleteDatabase(name);
  }
}
