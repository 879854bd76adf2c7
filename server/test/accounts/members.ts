import { type Answer, Person, type RecordObject, register } from '../support/api.ts';
import type { TestServer } from '../support/server.ts';

/** The same person, acting in another team. */
export class Acting extends Person {
  readonly team: string;

  constructor(person: Person, team: string) {
    super(person.url, person.token, person);
    this.team = team;
  }

  override fetch(path: string, options: Parameters<Person['fetch']>[1] = {}): Promise<Response> {
    const headers = { 'kyozo-team': this.team, ...options.headers };
    return super.fetch(path, { ...options, headers });
  }
}

/** A new team of a person's, seen as they act in it. */
export async function teamOf(person: Person, name = 'Team'): Promise<Acting> {
  const { body } = await person.post('/teams', 'teams', { name });
  return new Acting(person, body.data.id);
}

/** A new person who has joined a team by an invitation. */
export async function join(
  owner: Acting,
  role: 'owner' | 'admin' | 'member',
  name = `A ${role}`,
): Promise<Acting> {
  const person = await register(owner.url, name);
  const invited = await owner.post('/invitations', 'invitations', { email: person.email, role });
  if (invited.status !== 201) throw new Error(JSON.stringify(invited.body.errors));
  const accepted = await accept(person, invited.body.meta.token);
  if (accepted.status !== 200) throw new Error(JSON.stringify(accepted.body.errors));
  return new Acting(person, owner.team);
}

export const accept = (person: Person, token: unknown): Promise<Answer> =>
  person.post('/invitations/accept', 'invitations', { token });

/** A person's membership in the acting team. */
export async function membership(asker: Acting, person: Person): Promise<RecordObject> {
  const path = `/user-teams?filter[user][id]=${person.id}&filter[team][id]=${asker.team}`;
  return (await asker.get<RecordObject[]>(path)).body.data[0]!;
}

export const setRole = async (asker: Acting, record: RecordObject, role: string): Promise<Answer> =>
  asker.patch(`/user-teams/${record.id}`, record, { role });

/** What a person was told of, newest first; asked in the personal team, which nobody takes away. */
export const kindsOf = async ({ url, token }: Person): Promise<unknown[]> =>
  (await new Person(url, token).get<RecordObject[]>('/notifications')).body.data.map(
    ({ attributes }) => attributes.kind,
  );

/** The names of a team's events, in order. */
export const eventsOf = async (server: TestServer, team: string): Promise<string[]> =>
  (
    await server.query<{ name: string }>(
      'select name from events where team_id = $1 order by seq',
      [team],
    )
  ).map(({ name }) => name);
