import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
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
  yielding,
} from '../runtime.ts';
import { giveTo, nextSandboxUser } from '../sandbox-user.ts';

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));
const RUNTIMES = fileURLToPath(new URL('..', import.meta.url));
const PACKAGES = import.meta
  .resolve('pyodide')
  .replace('file://', '')
  .replace(/\/pyodide\/.*$/, '/');
const LANGUAGES: Language[] = ['bash', 'python', 'javascript', 'typescript'];
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin' };

type Means = { user: boolean; unshare: boolean };

/**
 * The runtime for machines without bubblewrap: interpreters in worker processes of Node under its
 * permission model, as another user and without a network where the system lets us. The files are
 * copied into memory; what cells write lives as long as the session. Errors: RuntimeUnavailable.
 */
export async function openWasmRuntime(spawner: Spawner): Promise<Runtime> {
  const means = await probe(spawner);
  return {
    name: 'wasm',
    languages: LANGUAGES,
    start: (options) => startSession(spawner, means, options),
  };
}

async function startSession(
  spawner: Spawner,
  means: Means,
  options: StartOptions,
): Promise<Session> {
  const directory = resolve(options.directory);
  const user = means.user ? nextSandboxUser() : undefined;
  if (user !== undefined) await giveTo(directory, user, options.around);
  const launch = (language: Language, limits: Limits) => {
    const [program, ...args] = commandOf(means, directory, language, limits);
    const child = spawner.spawn(program!, args, {
      cwd: '/',
      env: ENVIRONMENT,
      control: true,
      uid: user,
      gid: user,
    });
    return { child, interruptible: false, namespace: false };
  };
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  return new LoopSession({ launch, languages: LANGUAGES, limits });
}

function commandOf(means: Means, directory: string, language: Language, limits: Limits): string[] {
  return [
    ...yielding,
    ...(means.unshare ? ['unshare', '--user', '--net', '--'] : []),
    ...[
      process.execPath,
      '--permission',
      '--no-warnings',
      '--disallow-code-generation-from-strings',
    ],
    ...[PACKAGES, RUNTIMES, directory].map((path) => `--allow-fs-read=${path}`),
    `--max-old-space-size=${Math.floor((limits.memoryBytes * 0.75) / 2 ** 20)}`,
    ...[WORKER, JSON.stringify({ language, directory, limits })],
  ];
}

/** Which walls this machine lets us put up. */
async function probe(spawner: Spawner): Promise<Means> {
  const start = [process.execPath, '--permission', `--allow-fs-read=${WORKER}`, '--check', WORKER];
  const works = async (command: string[], user: number | undefined) => {
    const [program, ...args] = command;
    const child = spawner.spawn(program!, args, {
      cwd: '/',
      env: ENVIRONMENT,
      uid: user,
      gid: user,
    });
    child.stdin.end();
    child.stdout.resume();
    child.stderr.resume();
    const exit = await child.exited.catch(() => undefined);
    return exit?.code === 0;
  };
  const other = nextSandboxUser();
  const user = other !== undefined && (await works(start, other));
  if (!user && !(await works(start, undefined))) {
    throw new RuntimeUnavailable('Worker processes do not start on this machine.');
  }
  const inner = user ? other : undefined;
  return { user, unshare: await works(['unshare', '--user', '--net', '--', ...start], inner) };
}
