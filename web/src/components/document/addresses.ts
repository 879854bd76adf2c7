/** Where an address in a document leads: a path in the workspace, and what follows its `#`. */
export type Target = { path: string; hash: string };

/**
 * What an address without a scheme means, as on GitHub: a path beside the document, or with a slash first
 * one from the top of the workspace. Undefined for what is no address.
 */
export function targetOf(documentPath: string, address: string): Target | undefined {
  const place = documentPath.split('/').map(encodeURIComponent).join('/');
  const base = `http://workspace/${place}`;
  if (!URL.canParse(address, base)) return undefined;
  const { pathname, hash } = new URL(address, base);
  return { path: pathname.slice(1).split('/').map(decode).join('/'), hash };
}

/** Text of an address without its percent signs; as it is where they mean nothing. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
