// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are pieces of source
/** A way to break what keeps people apart, and the test that has to notice. */
export type Variant = {
  name: string;
  file: string;
  /** Stands exactly once in the file. */
  find: string;
  replace: string;
  /** A test file, and where that is large the part of a test's name. */
  test: string;
  named?: string;
};

const accounts = 'server/src/accounts';
const api = 'server/src/api';
const foundation = 'server/migrations/0001_foundation.sql';
const teams = 'server/migrations/0003_teams.sql';
const matrix = 'server/test/api/matrix.test.ts';
const isolation = 'server/test/database/isolation.test.ts';
const tokens = 'server/test/accounts/tokens.test.ts';

/** Each is caught by the matrix or by a named test; `npm run soak -- mutants` tries them. */
export const variants: readonly Variant[] = [
  {
    name: 'a policy is loosened',
    file: 'server/src/workspaces/workspace.ts',
    find: "    archive: role('owner', 'admin'),",
    replace: '    archive: signedIn,',
    test: 'test/schemas.test.ts',
  },
  {
    name: 'a policy is missing',
    file: 'server/src/workspaces/workspace.ts',
    find: "    archive: role('owner', 'admin'),",
    replace: '',
    test: matrix,
  },
  {
    name: 'reads ask no policy',
    file: 'resource/src/run.ts',
    find: 'return every(toCondition(resource.policies.read!, actor), hideTrash, where);',
    replace: 'return every(hideTrash, where);',
    test: matrix,
  },
  {
    name: 'reads by id ask no policy',
    file: 'resource/src/run.ts',
    find: 'return every(toCondition(resource.policies.read!, actor), found);',
    replace: 'return every(found);',
    test: matrix,
  },
  {
    name: 'actions ask no policy',
    file: 'resource/src/run.ts',
    find: 'if (!ask(policy, actor, record)) throw forbidden();',
    replace: '',
    test: matrix,
  },
  {
    name: 'a key that may read may write',
    file: 'resource/src/actor.ts',
    find: "access === 'read' ? ['read', 'write'] : ['write']",
    replace: "['read', 'write']",
    test: matrix,
  },
  {
    name: 'a table of a team has no row-level security',
    file: foundation,
    find: "foreach tenant in array array['api_keys', 'workspaces', 'files',",
    replace: "foreach tenant in array array['api_keys', 'workspaces',",
    test: isolation,
  },
  {
    name: 'row-level security is not forced',
    file: foundation,
    find: "    execute format('alter table %I force row level security', tenant);",
    replace: '',
    test: isolation,
  },
  {
    name: 'a reference does not carry the team',
    file: foundation,
    find: 'constraint file_versions_file foreign key (team_id, file_id) references files (team_id, id)',
    replace: 'constraint file_versions_file foreign key (file_id) references files (id)',
    test: isolation,
  },
  {
    name: 'the team of a connection outlives its transaction',
    file: teams,
    find: "if kind = 'session' then\n    perform set_config('app.team_id', team::text, true)",
    replace: "if kind = 'session' then\n    perform set_config('app.team_id', team::text, false)",
    test: isolation,
  },
  {
    name: 'a session that has ended still enters',
    file: teams,
    find: '    from user_teams m join sessions s on s.user_id = m.user_id\n',
    replace:
      "    from user_teams m, (select credential as id, now() + interval '1 day' as expires_at) s\n",
    test: tokens,
  },
  {
    name: 'a role that was taken away still enters',
    file: teams,
    find: 'where m.team_id = team and m.user_id = person and m.role = claimed_role\n      and s.id',
    replace: 'where m.team_id = team and m.user_id = person\n      and s.id',
    test: isolation,
  },
  {
    name: 'a key of one team reaches another',
    file: `${accounts}/authenticate.ts`,
    find: 'if (team !== undefined && team.toLowerCase() !== row.team_id) throw notAMember();',
    replace: '',
    test: matrix,
  },
  {
    name: 'an invitation is for whoever holds it',
    file: teams,
    find: 'address_key(person.email) <> address_key(invited.email)',
    replace: 'false',
    test: 'server/test/accounts/invitations.test.ts',
  },
  {
    name: 'a team may be without an owner',
    file: teams,
    find: "raise exception 'a team needs an owner' using errcode = 'KY002';",
    replace: '',
    test: 'server/test/accounts/teams.test.ts',
    named: 'owner',
  },
  {
    name: 'the log tells everybody of keys and invitations',
    file: 'server/src/events/event.ts',
    find: "      of('api-keys', any(self('subjectId'), role('owner', 'admin'))),\n",
    replace: '',
    test: 'server/test/events/policy.test.ts',
  },
  {
    name: 'the stream of the log asks no policy',
    file: 'server/src/events/event-feed.ts',
    find: 'and ${visible} ${within}',
    replace: 'and true ${within}',
    test: 'server/test/events/policy.test.ts',
  },
  {
    name: 'a filter looks through to what the key may not read',
    file: 'server/src/records.ts',
    find: 'for (const type of query.looksAt) requireScope(actor, type);',
    replace: '',
    test: 'server/test/accounts/api-keys.test.ts',
  },
  {
    name: 'who may only read edits live',
    file: 'server/src/collaboration/collaboration.ts',
    find: "connectionConfig.readOnly = context.archived || !scopeAllows(context.actor, 'files', 'write');",
    replace: '',
    test: 'server/test/collaboration/access.test.ts',
  },
  {
    name: 'any page on the web opens the socket',
    file: 'server/src/collaboration/collaboration.ts',
    find: "socket.close(4403, 'Forbidden');\n      return;",
    replace: '',
    test: 'server/test/collaboration/access.test.ts',
  },
  {
    name: 'a key that may not read files clones',
    file: `${api}/git-locate.ts`,
    find: "if (!found || !scopeAllows(actor, 'files', 'read')) return undefined;",
    replace: 'if (!found) return undefined;',
    test: matrix,
  },
  {
    name: 'atomic operations do not stand together',
    file: 'server/src/database/database.ts',
    find: "await client.query('rollback').catch(",
    replace: "await client.query('commit').catch(",
    test: 'server/test/api/jsonapi/operations.test.ts',
  },
  {
    name: 'another request gets the answer of a key',
    file: `${api}/answers.ts`,
    find: 'if (found && !found.fingerprint.equals(fingerprint))',
    replace: 'if (false)',
    test: 'server/test/api/jsonapi/idempotency.test.ts',
  },
  {
    name: 'content is written without asking',
    file: `${api}/content.ts`,
    find: "      authorize(file, 'write', actor, valuesOf(file, record));\n",
    replace: '',
    test: matrix,
  },
  {
    name: 'a token says itself how it is signed',
    file: `${accounts}/tokens.ts`,
    find: `async ({ kid }) => this.#publicKey(kid), {
      issuer,
      audience: issuer,
      algorithms: [algorithm],`,
    replace: `async ({ kid, alg }) =>
      alg === 'HS256'
        ? Buffer.from((await this.#keys.jwks()).keys[0]!.x!)
        : this.#publicKey(kid), {
      issuer,
      audience: issuer,`,
    test: tokens,
  },
  {
    name: 'a refresh token is good twice',
    file: `${accounts}/refresh-tokens.ts`,
    find: "return again ? 'repeat' : 'end';",
    replace: "return 'trade';",
    test: tokens,
  },
  {
    name: 'a one-time token is good twice',
    file: `${accounts}/one-time-tokens.ts`,
    find: '`delete from one_time_tokens t using users u where ${valid} returning ${columns}`',
    replace: '`select ${columns} from one_time_tokens t, users u where ${valid}`',
    test: 'server/test/accounts/passwords.test.ts',
  },
  {
    name: 'a code of the second factor is good twice',
    file: `${accounts}/second-factors.ts`,
    find: 'where user_id = $1 and last_step < $2 returning 1',
    replace: 'where user_id = $1 returning 1',
    test: 'server/test/accounts/two-factor.test.ts',
  },
  {
    name: 'aliases are not counted',
    file: `${api}/graphql/limits.ts`,
    find: '(isField && node.alias ? 1 : 0)',
    replace: '0',
    test: 'server/test/api/graphql-limits.test.ts',
  },
];
