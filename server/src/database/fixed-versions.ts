/**
 * The first minor version of each major one in which CVE-2025-8713 is fixed (statistics told of rows that
 * policies hide), with CVE-2025-8714 and -8715; later major versions never had them.
 * @see https://www.postgresql.org/support/security/
 */
const fixedIn: Readonly<Record<number, number>> = { 15: 14, 16: 10, 17: 6 };
const oldest = 15;

/** Why a server of this version cannot keep teams apart, or undefined; `version` as in `server_version_num`. */
export function tooOld(version: number): string | undefined {
  const [major, minor] = [Math.floor(version / 10_000), version % 10_000];
  if (major < oldest)
    return `PostgreSQL ${major}.${minor} is too old: ${oldest}.${fixedIn[oldest]} or newer is needed.`;
  const fixed = fixedIn[major];
  if (fixed === undefined || minor >= fixed) return undefined;
  return `PostgreSQL ${major}.${minor} lets rows be seen that policies hide (CVE-2025-8713): update it to ${major}.${fixed} or newer.`;
}
