import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Child } from '../../spawn/child.ts';
import { layOut } from '../../spawn/layout.ts';
import { sheltered } from '../../spawn/shelter.ts';
import type { Spawner } from '../../spawn/spawner.ts';
import { LoopSession } from '../loop-session.ts';
import {
  DEFAULT_LIMITS,
  type Language,
  type Limits,
  type Runtime,
  RuntimeUnavailable,
  type Session,
  type StartOptions,
} from '../runtime.ts';
import { giveTo, nextSandboxUser } from '../sandbox-user.ts';
import { sandboxed } from './sandbox.ts';
import { seccompFilter } from './seccomp.ts';

const LOOPS = '/opt/kyozo/loops';

/**
 * The bubblewrap runtime, tried out before it is offered: `bwrap` is the program's path. Errors:
 * RuntimeUnavailable when a sandbox does not start here.
 */
export async function openProcessRuntime(spawner: Spawner, bwrap: string): Promise<Runtime> {
  const place = { spawner, bwrap, ...(await layOutLoops()) };
  const languages = await probe(place);
  return {
    name: 'process',
    languages,
    start: (options) => startSession(place, languages, options),
  };
}

type Place = {
  spawner: Spawner;
  bwrap: string;
  filter: string | undefined;
  node: string;
  loops: string;
};

/** What every sandbox's user must be able to read. */
async function layOutLoops(): Promise<Pick<Place, 'filter' | 'node' | 'loops'>> {
  const calls = seccompFilter();
  const folder = await layOut('sandbox', async (into) => {
    await cp(fileURLToPath(new URL('./loops', import.meta.url)), join(into, 'loops'), {
      recursive: true,
    });
    if (calls) await writeFile(join(into, 'seccomp'), calls, { mode: 0o444 });
  });
  return {
    filter: calls && join(folder, 'seccomp'),
    loops: join(folder, 'loops'),
    node: await sheltered(process.execPath, `node-${process.version}`),
  };
}

async function startSession(
  place: Place,
  languages: Language[],
  options: StartOptions,
): Promise<Session> {
  const directory = resolve(options.directory);
  const user = nextSandboxUser();
  if (user !== undefined) await giveTo(directory, user, options.around);
  const launch = (language: Language, limits: Limits) => {
    const bindMemory = language !== 'javascript';
    const command = sandboxed(
      { ...place, directory, limits, bindMemory },
      loopOf(language, limits),
    );
    const child = startSandbox(place.spawner, command, user, true);
    // Node goes on with what an interrupted cell awaits, so it ends with the cell.
    return { child, interruptible: language !== 'javascript', namespace: true };
  };
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  return new LoopSession({ launch, languages, limits, folder: directory });
}

function loopOf(language: Language, { memoryBytes }: Limits): string[] {
  if (language === 'bash') return ['bash', '--noprofile', '--norc', `${LOOPS}/bash.sh`];
  if (language === 'python') return ['python3', '-B', `${LOOPS}/python.py`];
  const heap = `--max-old-space-size=${Math.floor((memoryBytes * 0.75) / 2 ** 20)}`;
  return ['/opt/kyozo/bin/node', '--no-warnings', heap, `${LOOPS}/javascript.mjs`];
}

function startSandbox(
  spawner: Spawner,
  [program, ...args]: string[],
  user: number | undefined,
  control: boolean,
): Child {
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin' };
  return spawner.spawn(program!, args, { cwd: '/', env, control, uid: user, gid: user });
}

async function probe(place: Place): Promise<Language[]> {
  const directory = await mkdtemp(join(tmpdir(), 'kyozo-probe-'));
  const user = nextSandboxUser();
  if (user !== undefined) await giveTo(directory, user);
  const look = 'touch here && for name in bash python3 node; do command -v $name; done; exit 0';
  const command = sandboxed({ ...place, directory, limits: DEFAULT_LIMITS, bindMemory: true }, [
    'sh',
    '-c',
    look,
  ]);
  const child = startSandbox(place.spawner, command, user, false);
  child.stdin.end();
  try {
    const [found, complaint, exit] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      child.exited,
    ]);
    if (exit.code !== 0 || found === '') throw new Error(complaint.trim());
    const has = (name: string) => found.split('\n').some((path) => path.endsWith(`/${name}`));
    const javascript: Language[] = has('node') ? ['javascript', 'typescript'] : [];
    return [
      ...(has('bash') ? ['bash' as const] : []),
      ...(has('python3') ? ['python' as const] : []),
      ...javascript,
    ];
  } catch (error) {
    throw new RuntimeUnavailable('The sandbox (bubblewrap) does not work on this machine.', error);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
