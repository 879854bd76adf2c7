import type { Team, Tokens, User } from '../types/records.ts';
import { read, scope, write } from './client.ts';
import { OfflineError } from './errors.ts';
import { forgetLocalDocuments } from './local-documents.ts';
import { queryClient } from './query-client.ts';
import { tokens } from './tokens.ts';

const teamKey = 'kyozo.team';

type Status = 'starting' | 'signed-out' | 'signed-in' | 'unreachable';
type Registration = { name: string; email: string; password: string };

/** Who uses the app now, and in which team. */
class Session {
  status: Status = $state('starting');
  user: User | null = $state.raw(null);
  teams: Team[] = $state.raw([]);
  team: Team | null = $state.raw(null);

  constructor() {
    tokens.onLost = () => this.#end();
  }

  /** Picks up the session that an earlier visit left. */
  async start(): Promise<void> {
    if (!tokens.isKept) {
      this.status = 'signed-out';
      return;
    }
    try {
      if (await tokens.fresh()) await this.#load();
      else this.#end();
    } catch (error) {
      this.status = error instanceof OfflineError || tokens.isKept ? 'unreachable' : 'signed-out';
    }
  }

  async signIn(email: string, password: string): Promise<void> {
    await this.#enter('sign-in', { email, password });
  }

  /** Makes an account; `furnish` may fail without harm: the account is there all the same. */
  async register(registration: Registration, furnish: () => Promise<void>): Promise<void> {
    await this.#enter('register', registration, () => furnish().catch(() => undefined));
  }

  async signOut(): Promise<void> {
    // The session ends here even when the server cannot be told.
    await write('POST', '/users/sign-out').catch(() => undefined);
    tokens.clear();
    this.#end();
    await forgetLocalDocuments();
  }

  /** Reads the user again, after a change of name or of teams. */
  async reload(): Promise<void> {
    await this.#load();
  }

  chooseTeam(id: string): void {
    this.team = this.teams.find((team) => team.id === id) ?? this.teams[0] ?? null;
    scope.teamId = this.team?.id ?? null;
    if (this.team) localStorage.setItem(teamKey, this.team.id);
    queryClient.clear();
  }

  async #enter(
    action: string,
    attributes: Record<string, string>,
    before: () => Promise<void> = async () => {},
  ): Promise<void> {
    const { meta } = await write<User>('POST', `/users/${action}`, { type: 'users', attributes });
    tokens.keep(meta as Tokens);
    await before();
    await this.#load();
  }

  async #load(): Promise<void> {
    scope.teamId = null;
    const { data } = await read<User>('/users/me?include=teams');
    this.user = data;
    this.teams = data.teams ?? [];
    this.chooseTeam(this.team?.id ?? localStorage.getItem(teamKey) ?? '');
    this.status = 'signed-in';
  }

  #end(): void {
    this.user = null;
    this.teams = [];
    this.team = null;
    this.status = 'signed-out';
    scope.teamId = null;
    localStorage.removeItem(teamKey);
    queryClient.clear();
  }
}

export const session = new Session();
