import { readdirSync, readFileSync } from 'node:fs';

/** The command line of every process of this machine; arguments end with NUL. */
export function commands(): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      return [readFileSync(`/proc/${pid}/cmdline`, 'utf8')];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}
