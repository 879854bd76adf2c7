import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const main = join(import.meta.dirname, '../../../cli/src/main.ts');

export type Ended = { code: number | null; stdout: string; stderr: string };
export type Served = { url: string; pid: number; stop(signal?: NodeJS.Signals): Promise<Ended> };

/** Runs the command line to its end, with what `meanwhile` does to it. An undefined value is unset. */
export async function kyozo(
  args: readonly string[],
  environment: Record<string, string | undefined> = {},
  meanwhile: (child: ChildProcess) => Promise<void> = async () => undefined,
): Promise<Ended> {
  const child = start(args, environment);
  const [end] = await Promise.all([ended(child), meanwhile(child)]);
  return end;
}

/** The real server as a process of its own, ready. @throws Error with what it said when it ends instead */
export async function serveIn(
  dataDir: string,
  environment: Record<string, string | undefined> = {},
): Promise<Served> {
  const child = start(['serve'], { PORT: '0', DATA_DIR: dataDir, ...environment });
  const end = ended(child);
  const ready = new Promise<string>((resolve) => {
    let said = '';
    child.stdout!.on('data', (chunk) => {
      said += chunk;
      const url = /ready at (\S+)/.exec(said)?.[1];
      if (url) resolve(url);
    });
  });
  const url = await Promise.race([
    ready,
    end.then(({ stderr }) => Promise.reject(new Error(`The server ended: ${stderr}`))),
  ]);
  return {
    url,
    pid: child.pid!,
    stop(signal = 'SIGTERM') {
      child.kill(signal);
      return end;
    },
  };
}

/** Any program to its end. */
export const run = (program: string, args: readonly string[], cwd?: string): Promise<Ended> =>
  ended(spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] }));

function start(args: readonly string[], environment: Record<string, string | undefined>) {
  const ours =
    /^(KYOZO_|LIMIT_|AUTH_|OAUTH_|OIDC_|SMTP_URL$|MAIL_FROM$|METRICS_TOKEN$|TRUST_PROXY$|PORT$|HOST$|DATA_DIR$|DATABASE_URL$|PUBLIC_URL$|SECRET_KEY$)/;
  const inherited = Object.entries(process.env).filter(([name]) => !ours.test(name));
  const env = { ...Object.fromEntries(inherited), ...environment };
  return spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
}

function ended(child: ChildProcess): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
