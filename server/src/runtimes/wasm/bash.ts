import { Bash } from 'just-bash';
import type { Evaluate, Files } from './evaluator.ts';

const UNLIMITED = 1e12;

/**
 * A shell that is itself a program in JavaScript, over files in memory. Its own counters are set
 * aside: time, memory and output are limited from outside. Variables and the folder live on between
 * cells; functions do not.
 */
export async function openBash(files: Files, outputBytes: number): Promise<Evaluate> {
  const contents = Object.fromEntries(files.map(({ path, bytes }) => [`/work/${path}`, bytes]));
  const bash = new Bash({
    files: { '/work/.keep': '', ...contents },
    cwd: '/work',
    executionLimits: {
      maxCommandCount: UNLIMITED,
      maxLoopIterations: UNLIMITED,
      maxWorkUnits: UNLIMITED,
      maxOutputSize: outputBytes * 2,
    },
  });
  await bash.exec('rm -f /work/.keep');
  let state: Record<string, string> = { ...bash.getEnv(), PWD: '/work' };
  return async ({ source }, io) => {
    const {
      stdout,
      stderr,
      exitCode,
      env: after,
    } = await bash.exec(source, {
      env: state,
      cwd: state.PWD,
      rawScript: true,
    });
    state = after;
    io.print('stdout', stdout);
    io.print('stderr', stderr);
    return { exitCode };
  };
}
