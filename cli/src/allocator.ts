/**
 * How glibc allocates, which it reads only when a process starts. With its default of eight arenas for
 * each processor the threads of a busy server held 100 MiB more, and answered at worst in 650 ms
 * instead of 330 (`npm run soak -- hostile`). Other C libraries ignore it.
 */
const settings = { MALLOC_ARENA_MAX: '2' };

/** Starts this program again in the same process, with our settings unless the operator chose some. */
export function settleAllocator(): void {
  if (process.platform !== 'linux' || process.env.MALLOC_ARENA_MAX !== undefined) return;
  const args = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve?.(process.execPath, args, { ...process.env, ...settings });
}
