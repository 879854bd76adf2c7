/** A browser says where a page comes from; another site's page may not open sockets here. */
export function isOwnOrigin(
  origin: string | undefined,
  host: string | undefined,
  publicUrl: string,
): boolean {
  if (origin === undefined) return true;
  return (
    URL.canParse(origin) &&
    (new URL(origin).host === host || new URL(origin).origin === new URL(publicUrl).origin)
  );
}
