/** The command line of the sandbox: bubblewrap in fresh namespaces, within resource limits. */
import { lstatSync, readlinkSync } from 'node:fs';
import { type Limits, yielding } from '../runtime.ts';

const MiB = 1024 * 1024;

export type SandboxOptions = {
  bwrap: string;
  directory: string;
  /** The file of the system call filter; undefined where there is none for this machine. */
  filter: string | undefined;
  /** The program and the scripts that the loops need, where the sandbox's user can read them. */
  node: string;
  loops: string;
  limits: Limits;
  /** Bind the memory limit to each process; V8 reserves too much address space to start in it. */
  bindMemory: boolean;
};

/** `[program, ...arguments]` that runs `command` inside. */
export function sandboxed(options: SandboxOptions, command: string[]): string[] {
  const { bwrap, directory, filter, node, loops, limits, bindMemory } = options;
  const memory = bindMemory ? [`--data=${limits.memoryBytes}`] : [];
  return [
    // bubblewrap takes the filter as an open descriptor.
    ...(filter ? ['sh', '-c', 'exec 9<"$0"; exec "$@"', filter] : []),
    ...yielding,
    ...['prlimit', '--core=0', '--nofile=1024', `--nproc=${limits.processes}`],
    ...[...memory, `--fsize=${limits.fileBytes}`, '--'],
    ...[bwrap, '--unshare-all', '--unshare-user', '--disable-userns', '--die-with-parent'],
    ...(filter ? ['--seccomp', '9'] : []),
    ...['--new-session', '--clearenv', '--hostname', 'sandbox', '--uid', '1000', '--gid', '1000'],
    ...environment({
      PATH: '/opt/kyozo/bin:/usr/local/bin:/usr/bin:/bin',
      HOME: '/tmp',
      LANG: 'C.UTF-8',
    }),
    ...['--ro-bind', '/usr', '/usr', ...systemFolders()],
    ...['--ro-bind-try', '/etc/alternatives', '/etc/alternatives'],
    ...['--ro-bind-try', '/etc/ld.so.cache', '/etc/ld.so.cache'],
    ...['--proc', '/proc', '--dev', '/dev'],
    ...['--size', String(16 * MiB), '--tmpfs', '/dev/shm'],
    ...['--size', String(64 * MiB), '--tmpfs', '/tmp'],
    ...['--ro-bind', node, '/opt/kyozo/bin/node', '--ro-bind', loops, '/opt/kyozo/loops'],
    ...['--bind', directory, '/work', '--chdir', '/work'],
    ...['--remount-ro', '/dev', '--remount-ro', '/', '--', ...command],
  ];
}

function environment(values: Record<string, string>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ['--setenv', name, value]);
}

/** `/bin` and its like are links into `/usr` on most systems and folders on some. */
function systemFolders(): string[] {
  return ['/bin', '/sbin', '/lib', '/lib64', '/lib32'].flatMap((path) => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (!found) return [];
    return found.isSymbolicLink()
      ? ['--symlink', readlinkSync(path), path]
      : ['--ro-bind', path, path];
  });
}
