import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { isAbsolute, join, resolve } from 'node:path';
import type { S3Settings } from './storage/s3.ts';

export type CellLimits = {
  /** Notebook sessions at once. */
  sessionsPerPerson: number;
  sessionsPerTeam: number;
  /** Runs that wait or run. */
  runsPerPerson: number;
  runsPerTeam: number;
  /** Seconds that a run may take at most. */
  runTimeout: number;
  /** Seconds after which an unused session ends. */
  idle: number;
};

/** Who else can say who a person is; each is off until it is set. */
export type Providers = {
  google?: Client;
  apple?: Client;
  oidc?: Client & { issuer: string; name: string };
};
type Client = { clientId: string; clientSecret: string };

export type Config = {
  host: string;
  port: number;
  publicUrl: string;
  dataDir: string;
  /** The PostgreSQL to use; the embedded one when undefined. */
  databaseUrl: string | undefined;
  secretKey: string;
  /** What wraps the keys of content: the one for new wrappings first, then those that open older ones. */
  masterKeys: [string, ...string[]];
  /** The S3 to use; what the rules send there goes to disk when undefined. */
  s3: S3Settings | undefined;
  accessTtl: number;
  refreshTtl: number;
  registrationsPerMinute: number;
  requestsPerSecond: number;
  signInsPerMinute: number;
  /** Invitations of one team, and of one person, in a day, those that are sent again included. */
  invitationsPerDay: number;
  /** The same to one address, from one team. */
  invitationsPerAddress: number;
  bodyLimit: number;
  uploadLimit: number;
  /** Bytes of one file in a push. */
  pushedFileLimit: number;
  /** Seconds that content lies at least, whether anything names it or not. */
  storageGrace: number;
  /** Days that a file stays in the trash. */
  trashDays: number;
  messageLimit: number;
  /** Seconds that an answer waits for a client that does not read it. */
  stallTimeout: number;
  /** What the cells of one person, of one team and of one run may take. */
  cells: CellLimits;
  /** Where mail goes; files in the data directory when undefined. */
  smtpUrl: string | undefined;
  mailFrom: string;
  /** Whether an address must be confirmed before it signs in. */
  confirmation: 'required' | 'optional';
  magicLink: boolean;
  providers: Providers;
  /** The bearer token for /metrics; without one only this machine may read them. */
  metricsToken: string | undefined;
  /** Whose word on a client's address is taken (`X-Forwarded-For`): addresses and networks; nobody's when empty. */
  trustProxy: readonly string[];
  /** What one GraphQL request may cost; see api/graphql/limits.ts. */
  graphqlCost: number;
  development: boolean;
  logLevel: string;
  webRoot: string;
  /** Bubblewrap's path, where it is installed. */
  bwrap: string | undefined;
};

/** A value that stops the start; the message names the variable. */
export class ConfigError extends Error {}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the whole configuration, once. @throws ConfigError on the first bad value */
export function readConfig(environment: Environment): Config {
  const host = environment.HOST || '127.0.0.1';
  const port = integer(environment, 'PORT', 4000, 0, 65_535);
  const dataDir = directory(environment.DATA_DIR || './data');
  const databaseUrl = url(environment, 'DATABASE_URL', ['postgres:', 'postgresql:']);
  const secretKey = secret(environment, dataDir, databaseUrl);
  const smtpUrl = url(environment, 'SMTP_URL', ['smtp:', 'smtps:']);
  return {
    host,
    port,
    publicUrl:
      url(environment, 'PUBLIC_URL', ['http:', 'https:'])?.replace(/\/$/, '') ??
      `http://${host}:${port}`,
    dataDir,
    databaseUrl,
    secretKey,
    masterKeys: masterKeys(environment, secretKey),
    s3: s3(environment),
    accessTtl: integer(environment, 'AUTH_ACCESS_TTL', 900, 10, 86_400),
    refreshTtl: integer(environment, 'AUTH_REFRESH_TTL', 30 * 86_400, 60, 365 * 86_400),
    registrationsPerMinute: integer(environment, 'LIMIT_REGISTRATIONS', 30, 1, 1_000_000),
    requestsPerSecond: integer(environment, 'LIMIT_REQUESTS', 1_000, 1, 1_000_000),
    signInsPerMinute: integer(environment, 'LIMIT_SIGN_INS', 20, 1, 1_000_000),
    invitationsPerDay: integer(environment, 'LIMIT_INVITATIONS', 200, 1, 1_000_000),
    invitationsPerAddress: integer(environment, 'LIMIT_INVITATIONS_TO_ADDRESS', 5, 1, 1_000_000),
    bodyLimit: integer(environment, 'LIMIT_BODY', 16 * 2 ** 20, 1024, 2 ** 30),
    uploadLimit: integer(environment, 'LIMIT_UPLOAD', 10 * 2 ** 30, 1024, 2 ** 43),
    pushedFileLimit: integer(environment, 'LIMIT_PUSHED_FILE', 100 * 2 ** 20, 1024, 2 ** 30),
    storageGrace: integer(environment, 'STORAGE_GRACE', 86_400, 0, 365 * 86_400),
    trashDays: integer(environment, 'TRASH_DAYS', 30, 1, 36_500),
    stallTimeout: integer(environment, 'LIMIT_STALL', 60, 5, 3_600),
    messageLimit: integer(environment, 'LIMIT_MESSAGE', 16 * 2 ** 20, 1024, 2 ** 30),
    cells: {
      sessionsPerPerson: integer(environment, 'LIMIT_SESSIONS_PERSON', 10, 1, 10_000),
      sessionsPerTeam: integer(environment, 'LIMIT_SESSIONS_TEAM', 30, 1, 10_000),
      runsPerPerson: integer(environment, 'LIMIT_RUNS_PERSON', 100, 1, 100_000),
      runsPerTeam: integer(environment, 'LIMIT_RUNS_TEAM', 500, 1, 100_000),
      runTimeout: integer(environment, 'LIMIT_RUN_TIMEOUT', 3_600, 1, 86_400),
      idle: integer(environment, 'CELL_IDLE', 1_800, 1, 7 * 86_400),
    },
    smtpUrl,
    mailFrom: mailFrom(environment),
    confirmation:
      choice(environment, 'AUTH_CONFIRMATION', ['required', 'optional']) ??
      (smtpUrl ? 'required' : 'optional'),
    magicLink: choice(environment, 'AUTH_MAGIC_LINK', ['true', 'false']) === 'true',
    providers: providers(environment),
    metricsToken: environment.METRICS_TOKEN || undefined,
    trustProxy: networks(environment, 'TRUST_PROXY'),
    graphqlCost: integer(environment, 'LIMIT_GRAPHQL_COST', 20_000, 1, 100_000_000),
    development: environment.NODE_ENV === 'development',
    logLevel: environment.LOG_LEVEL || 'warn',
    webRoot: resolve(import.meta.dirname, '../../web/dist'),
    bwrap: findProgram('bwrap', environment.PATH ?? ''),
  };
}

function integer(
  environment: Environment,
  name: string,
  fallback: number,
  min: number,
  max: number,
): number {
  const raw = environment[name];
  if (!raw) return fallback;
  const value = Number(raw);
  if (!/^\d+$/.test(raw) || value < min || value > max) {
    throw new ConfigError(`${name} must be a whole number from ${min} to ${max}, not "${raw}".`);
  }
  return value;
}

function url(
  environment: Environment,
  name: string,
  protocols: readonly string[],
): string | undefined {
  const raw = environment[name];
  if (!raw) return undefined;
  if (!URL.canParse(raw) || !protocols.includes(new URL(raw).protocol)) {
    throw new ConfigError(`${name} must be a URL that starts with ${protocols.join(' or ')}//.`);
  }
  return raw;
}

/** Addresses and networks (CIDR), apart by commas; a name or a count of hops is neither. */
function networks(environment: Environment, name: string): string[] {
  const parts = (environment[name] ?? '').split(',').map((part) => part.trim());
  const given = parts.filter((part) => part !== '');
  for (const part of given) {
    const [address = '', bits, more] = part.split('/');
    const family = isIP(address);
    const most = family === 4 ? 32 : 128;
    const sized =
      bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= most);
    if (family === 0 || !sized || more !== undefined) {
      throw new ConfigError(
        `${name} must be addresses or networks such as 10.0.0.0/8, apart by commas, not "${part}".`,
      );
    }
  }
  return given;
}

function choice<const Value extends string>(
  environment: Environment,
  name: string,
  values: readonly Value[],
): Value | undefined {
  const raw = environment[name];
  if (!raw) return undefined;
  if (!values.includes(raw as Value))
    throw new ConfigError(`${name} must be ${values.join(' or ')}, not "${raw}".`);
  return raw as Value;
}

/** One address, with a name before it or not. */
function mailFrom(environment: Environment): string {
  const raw = environment.MAIL_FROM || 'Kyozo Store <kyozo@localhost>';
  if (!/^([^<>@,;:\p{Cc}]+ <[^<>@,;:\s]+@[^<>@,;:\s]+>|[^<>@,;:\s]+@[^<>@,;:\s]+)$/u.test(raw))
    throw new ConfigError('MAIL_FROM must be an address, such as Kyozo <kyozo@example.com>.');
  return raw;
}

function providers(environment: Environment): Providers {
  const client = (prefix: string): Client | undefined => {
    const clientId = environment[`${prefix}_CLIENT_ID`];
    const clientSecret = environment[`${prefix}_CLIENT_SECRET`];
    if (!clientId && !clientSecret) return undefined;
    if (!clientId) throw new ConfigError(`${prefix}_CLIENT_ID is missing.`);
    if (!clientSecret) throw new ConfigError(`${prefix}_CLIENT_SECRET is missing.`);
    return { clientId, clientSecret };
  };
  const issuer = url(environment, 'OIDC_ISSUER', ['http:', 'https:']);
  const oidc = client('OIDC');
  if (issuer && !oidc) throw new ConfigError('OIDC_CLIENT_ID is missing.');
  if (oidc && !issuer) throw new ConfigError('OIDC_ISSUER is missing.');
  // In clear only to this machine: what an issuer says there is not to be believed from elsewhere.
  if (issuer && new URL(issuer).protocol === 'http:' && !isLoopback(new URL(issuer).hostname))
    throw new ConfigError('OIDC_ISSUER must start with https://.');
  return {
    google: client('OAUTH_GOOGLE'),
    apple: client('OAUTH_APPLE'),
    oidc: oidc && { ...oidc, issuer: issuer!, name: environment.OIDC_NAME || 'Single sign-on' },
  };
}

const isLoopback = (host: string) => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host);

function directory(raw: string): string {
  const path = isAbsolute(raw) ? raw : resolve(raw);
  try {
    mkdirSync(path, { recursive: true, mode: 0o711 });
  } catch (cause) {
    throw new ConfigError(`DATA_DIR cannot be made: ${(cause as Error).message}.`, { cause });
  }
  return path;
}

/** The key that signs and wraps keys: given, or made once beside the embedded database. */
function secret(
  environment: Environment,
  dataDir: string,
  databaseUrl: string | undefined,
): string {
  const given = environment.SECRET_KEY;
  if (given) {
    if (given.length < 32) throw new ConfigError('SECRET_KEY must be at least 32 characters long.');
    return given;
  }
  if (databaseUrl) throw new ConfigError('SECRET_KEY is required with DATABASE_URL.');
  const path = join(dataDir, 'secret-key');
  if (!existsSync(path)) {
    writeFileSync(path, randomBytes(32).toString('base64url'), { mode: 0o600, flush: true });
  }
  return readFileSync(path, 'utf8').trim();
}

/** The storage's own master keys where they are set, else the secret key, which opens what it once wrapped. */
function masterKeys(environment: Environment, secretKey: string): [string, ...string[]] {
  const given = ['STORAGE_KEY', 'STORAGE_KEY_PREVIOUS'].flatMap((name) => {
    const value = environment[name];
    if (value && value.length < 32)
      throw new ConfigError(`${name} must be at least 32 characters long.`);
    return value ? [value] : [];
  });
  if (environment.STORAGE_KEY_PREVIOUS && !environment.STORAGE_KEY) return [secretKey, ...given];
  const [first = secretKey, ...others] = [...given, secretKey];
  return [first, ...others];
}

/** All of the S3 variables, or none. */
function s3(environment: Environment): S3Settings | undefined {
  const endpoint = url(environment, 'S3_ENDPOINT', ['http:', 'https:']);
  if (!endpoint) {
    const lonely = ['S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'].find(
      (name) => environment[name],
    );
    if (lonely) throw new ConfigError(`S3_ENDPOINT is missing, and ${lonely} is set.`);
    return undefined;
  }
  const needed = (name: string): string => {
    const value = environment[name];
    if (!value) throw new ConfigError(`${name} is missing.`);
    return value;
  };
  const bucket = needed('S3_BUCKET');
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    throw new ConfigError(`S3_BUCKET must be a bucket's name, not "${bucket}".`);
  return {
    endpoint,
    region: environment.S3_REGION || 'us-east-1',
    bucket,
    accessKeyId: needed('S3_ACCESS_KEY_ID'),
    secretAccessKey: needed('S3_SECRET_ACCESS_KEY'),
    forcePathStyle: choice(environment, 'S3_FORCE_PATH_STYLE', ['true', 'false']) === 'true',
  };
}

const findProgram = (name: string, path: string): string | undefined =>
  path
    .split(':')
    .map((folder) => join(folder, name))
    .find((candidate) => isAbsolute(candidate) && existsSync(candidate));
