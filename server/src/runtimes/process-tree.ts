/** Looks at a process and all below it through /proc; sandboxes hide nothing from this side. */
import { readdirSync, readFileSync } from 'node:fs';

const PAGE = 4096;

/** The process and its descendants, as this side numbers them. */
export function processTree(pid: number): number[] {
  const below = read(() =>
    readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
    ),
  );
  return [pid, ...(below ?? []).flatMap((child) => processTree(Number(child)))];
}

/** Private resident bytes of all of them; file pages that they share do not count. */
export function treeMemory(pid: number): number {
  let pages = 0;
  for (const one of processTree(pid)) {
    const statm = read(() => readFileSync(`/proc/${one}/statm`, 'utf8'));
    const [, resident = 0, shared = 0] = (statm ?? '').split(' ').map(Number);
    pages += resident - shared;
  }
  return pages * PAGE;
}

/** Sends SIGINT to what runs inside, not to the sandbox program around it. */
export function interruptTree(pid: number): void {
  for (const one of processTree(pid)) {
    const name = read(() => readFileSync(`/proc/${one}/comm`, 'utf8').trim());
    if (name !== undefined && name !== 'bwrap') read(() => process.kill(one, 'SIGINT'));
  }
}

/** Undefined when the process ended while it was looked at. */
function read<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
