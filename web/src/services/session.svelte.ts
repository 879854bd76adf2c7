import type { OwnTeam, Tokens, User } from '../types/records.ts';
import { read, scope, write } from './client.ts';
import { OfflineError } from './errors.ts';
import { forgetLocalDocuments } from './local-documents.ts';
import { queryClient } from './query-client.ts';
import { tokens } from './tokens.ts';
import { unfinishedUploads } from './unfinished-uploads.ts';

const teamKey = 'kyozo.team';
/** The id of an account that was made here and has nothing in it yet. */
const newAccountKey = 'kyozo.new-account';

type Status = 'starting' | 'signed-out' | 'signed-in' | 'unreachable';
type Registration = { name: string; email: string; password: string };

/** Who uses the app now, and in which team. */
class Session {
  status: Status = $state('starting');
  user: User | null = $state.raw(null);
  teams: OwnTeam[] = $state.raw([]);
  team: OwnTeam | null = $state.raw(null);
  /** Owners and admins run a team. */
  readonly isAdmin: boolean = $derived(this.team !== null && this.team.role !== 'member');

  /** Called with the name of a team that the person was in and is no more. */
  onTeamLost: (name: string) => void = () => {};

  constructor() {
    tokens.onLost = () => this.#end();
    scope.onRefused = () => void this.reload().catch(() => undefined);
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

  /** Signs in by any proof that the server takes at `/users/<path>`. */
  async enter(path: string, proof: Record<string, unknown>): Promise<void> {
    const { meta } = await write('POST', `/users/${path}`, { type: 'users', attributes: proof });
    await tokens.keep(meta as Tokens);
    await this.#load();
  }

  /** Makes an account; resolves to whether it is signed in, or the address is to be confirmed first. */
  async register(attributes: Registration): Promise<boolean> {
    const path = '/users/register';
    const { data, meta } = await write<User>('POST', path, { type: 'users', attributes });
    localStorage.setItem(newAccountKey, data.id);
    if (meta.confirmation === 'required') return false;
    await tokens.keep(meta as Tokens);
    await this.#load();
    return true;
  }

  async signOut(): Promise<void> {
    // The session ends here even when the server cannot be told.
    const options = { personal: true };
    await write('POST', '/users/sign-out', undefined, options).catch(() => undefined);
    await this.forget();
  }

  /** Leaves nothing of the person on this device. */
  async forget(): Promise<void> {
    tokens.clear();
    this.#end();
    unfinishedUploads.forgetAll();
    sessionStorage.clear();
    await forgetLocalDocuments();
  }

  /** Reads the user again, after a change of name, of teams or of roles. */
  async reload(): Promise<void> {
    await this.#load();
  }

  /** Goes on in the own team, after leaving or deleting the one that was looked at. */
  async leaveTeam(): Promise<void> {
    this.chooseTeam('');
    await this.#load();
  }

  chooseTeam(id: string): void {
    const before = this.team;
    this.team =
      this.teams.find((team) => team.id === id) ??
      this.teams.find((team) => team.personal) ??
      this.teams[0] ??
      null;
    scope.teamId = this.team?.id ?? null;
    if (this.team) localStorage.setItem(teamKey, this.team.id);
    if (this.team?.id !== before?.id) queryClient.clear();
  }

  async #load(): Promise<void> {
    const path = '/users/me?include=teams,memberships';
    const { data } = await read<User>(path, { personal: true });
    const before = this.team;
    this.user = data;
    this.teams = teamsOf(data);
    this.chooseTeam(before?.id ?? localStorage.getItem(teamKey) ?? '');
    await this.#furnish(data.id);
    this.status = 'signed-in';
    if (before && !this.teams.some(({ id }) => id === before.id)) this.onTeamLost(before.name);
  }

  /** Gives a new account its first workspace; it may fail without harm: the account is there all the same. */
  async #furnish(id: string): Promise<void> {
    if (localStorage.getItem(newAccountKey) !== id) return;
    localStorage.removeItem(newAccountKey);
    const { seedFirstWorkspace } = await import('../first-run/seed.ts');
    await seedFirstWorkspace().catch(() => undefined);
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

/** The person's teams with their role in each: the own one first, the others by name. */
function teamsOf({ teams = [], memberships = [] }: User): OwnTeam[] {
  return teams
    .flatMap((team) => {
      const membership = memberships.find((each) => each.team?.id === team.id);
      return membership ? [{ ...team, role: membership.role, membershipId: membership.id }] : [];
    })
    .sort((a, b) => Number(b.personal) - Number(a.personal) || a.name.localeCompare(b.name));
}

export const session = new Session();
