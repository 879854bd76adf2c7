import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type Actor, isUuid, KyozoError, type Role } from '@kyozo/resource';
import type { Database } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { Claims, Tokens } from './tokens.ts';

const prefix = 'kyozo_';
/** 10,000 actors are a few megabytes; what is cached is only a claim that every statement checks. */
const cacheSize = 10_000;
/** In milliseconds: `lastUsedAt` is at most this old. */
const useInterval = 60_000;

/** A new API key: prefix, 32 random bytes, and a checksum so that a typo fails without a query. */
export function createKey(): { key: string; hash: Buffer; start: string } {
  const body = randomBytes(32).toString('base64url');
  const key = `${prefix}${body}${checksum(body)}`;
  return { key, hash: hashOf(key), start: key.slice(0, prefix.length + 6) };
}

export const hashOf = (key: string): Buffer => createHash('sha256').update(key).digest();
const checksum = (body: string) => crc32(body).toString(16).padStart(8, '0');
const isKey = (text: string) =>
  text.startsWith(prefix) && checksum(text.slice(prefix.length, -8)) === text.slice(-8);

const notAMember = () =>
  new KyozoError('not_a_member', 'The credential is good, but its owner is not in this team.');

/** Whether an error says that access is over: that of the credential, or to the team. */
export const isShutOut = (error: unknown): boolean =>
  error instanceof KyozoError && ['unauthenticated', 'not_a_member'].includes(error.code);

/** Tells who a bearer credential is and in which team it acts. */
export class Authenticator {
  readonly #database: Database;
  readonly #tokens: Tokens;
  /** By the bearer, then by the team that was asked for. */
  readonly #cache = new Map<string, Map<string, Actor>>();
  /** When the use of a key was last written down, by its id. */
  readonly #used = new Map<string, number>();

  constructor(database: Database, tokens: Tokens) {
    this.#database = database;
    this.#tokens = tokens;
  }

  /**
   * The actor, or undefined for a credential that is wrong or has ended.
   * @throws KyozoError `not_a_member` for one that is good, but not in the asked team
   */
  async resolve(bearer: string, team?: string): Promise<Actor | undefined> {
    const claims = isKey(bearer) ? 'key' : await this.#tokens.verify(bearer);
    if (!claims) return undefined;
    const actor =
      this.#cache.get(bearer)?.get(team ?? '') ?? (await this.#find(claims, bearer, team));
    if (actor?.credential.kind === 'key') this.#use(actor.credential.id);
    return actor;
  }

  async #find(
    claims: 'key' | Claims,
    bearer: string,
    team: string | undefined,
  ): Promise<Actor | undefined> {
    const actor =
      claims === 'key'
        ? await this.#key(bearer, team)
        : await this.session(claims.userId, claims.sessionId, team);
    if (actor) {
      if (this.#cache.size >= cacheSize) this.#cache.clear();
      const teams = this.#cache.get(bearer) ?? new Map<string, Actor>();
      this.#cache.set(bearer, teams.set(team ?? '', actor));
    }
    return actor;
  }

  /** Forgets what is known of a credential whose claim the database refused. */
  forget(bearer: string): void {
    this.#cache.delete(bearer);
  }

  /** Whether a bearer was a credential of ours when it was last looked at: for limits, and no proof. */
  knows(bearer: string): boolean {
    return this.#cache.has(bearer);
  }

  /** Like `resolve`, once the database has said that the claim holds; what is known of an old role is forgotten. */
  async current(bearer: string, team?: string): Promise<Actor | undefined> {
    const actor = await this.resolve(bearer, team);
    if (!actor || (await this.#stands(actor))) return actor;
    this.forget(bearer);
    return this.resolve(bearer, team);
  }

  /**
   * The actor of a session in a team; the personal team when none is named. Undefined when it has ended.
   * @throws KyozoError `not_a_member`
   */
  async session(userId: string, sessionId: string, team?: string): Promise<Actor | undefined> {
    if (team !== undefined && !isUuid(team)) return this.#outside(userId, sessionId);
    const [row] = await this.#database.system<{ user_id: string; team_id: string; role: Role }>(
      sql`select * from resolve_session(${sessionId}, ${userId}, ${team ?? null})`,
    );
    if (!row) return team === undefined ? undefined : this.#outside(userId, sessionId);
    return {
      userId,
      teamId: row.team_id,
      role: row.role,
      credential: { kind: 'session', id: sessionId },
      scopes: ['write'],
    };
  }

  async #outside(userId: string, sessionId: string): Promise<undefined> {
    if (await this.session(userId, sessionId)) throw notAMember();
  }

  #stands(actor: Actor): Promise<boolean> {
    return this.#database.rows(actor, sql`select 1`).then(
      () => true,
      (error: unknown) => {
        if (error instanceof KyozoError && error.code === 'unauthenticated') return false;
        throw error;
      },
    );
  }

  /** Writes down at most once a minute that a key is in use; no request waits for it, or fails of it. */
  #use(id: string): void {
    const now = Date.now();
    if (now - (this.#used.get(id) ?? 0) < useInterval) return;
    if (this.#used.size >= cacheSize) this.#used.clear();
    this.#used.set(id, now);
    void this.#database.system(sql`select touch_key(${id})`).catch(() => this.#used.delete(id));
  }

  /** The actor of a session that has just acted. @throws KyozoError `unauthenticated` when it has ended meanwhile */
  async standing(userId: string, sessionId: string, team?: string): Promise<Actor> {
    const actor = await this.session(userId, sessionId, team);
    if (!actor) throw new KyozoError('unauthenticated', 'The session has ended.');
    return actor;
  }

  async #key(key: string, team?: string): Promise<Actor | undefined> {
    const [row] = await this.#database.system<{
      key_id: string;
      user_id: string;
      team_id: string;
      role: Role;
      scopes: string[];
    }>(sql`select * from resolve_key(${hashOf(key)})`);
    if (!row) return undefined;
    if (team !== undefined && team.toLowerCase() !== row.team_id) throw notAMember();
    return {
      userId: row.user_id,
      teamId: row.team_id,
      role: row.role,
      credential: { kind: 'key', id: row.key_id },
      scopes: row.scopes,
    };
  }
}
