import { define, type Resource, registry, signedIn, text, verify } from '@kyozo/resource';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mutationName, verifyNames } from '../../src/api/graphql/names.ts';
import { type Person, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
beforeAll(async () => {
  server = await startServer({ graphqlCost: 5_000 });
  ann = await register(server.url);
});
afterAll(() => server.stop());

type Refusal = { message: string; extensions: Record<string, unknown> };
async function refusal(query: string, variables?: object): Promise<Refusal | undefined> {
  const { errors } = await ann.graphql(query, variables);
  return errors?.[0] as Refusal | undefined;
}
const repeat = (count: number, part: (at: number) => string) =>
  Array.from({ length: count }, (_, at) => part(at)).join(' ');
/** A query that is so many fields deep. */
const deep = (levels: number) => {
  const turn = ['team', 'workspaces(first: 1)', 'edges', 'node'];
  const names = Array.from({ length: levels - 4 }, (_, at) => turn[at % 4]!);
  return `{ workspaces { edges { node { ${names.join(' { ')} { __typename ${'} '.repeat(levels)}`;
};

describe('before anything runs', () => {
  test.each<[string, string, object | undefined, object | undefined]>([
    ['15 levels', `{ a: __typename ${deep(15).slice(1)}`, undefined, undefined],
    ['16 levels', deep(16), undefined, { limit: 'depth', most: 15, asked: 16 }],
    [
      '16 levels by fragments',
      `${deep(13).replace('__typename', '...F')} fragment F on Team { memberships { edges { node { id } } } }`,
      undefined,
      { limit: 'depth', most: 15 },
    ],
    ['100 aliases', `{ ${repeat(100, (at) => `a${at}: __typename`)} }`, undefined, undefined],
    [
      'a fragment of 60 aliases spread twice',
      `{ ...F me { id } ...F } fragment F on Query { ${repeat(60, (at) => `a${at}: __typename`)} }`,
      undefined,
      { limit: 'aliases', most: 100, asked: 120 },
    ],
    [
      'fragments that double and double',
      `{ ...F0 } ${repeat(40, (at) => `fragment F${at} on Query { ...F${at + 1} ...F${at + 1} }`)} fragment F40 on Query { a: __typename }`,
      undefined,
      { limit: 'aliases', asked: 2 ** 40 },
    ],
    [
      '101 directives',
      `{ me { ${repeat(101, (at) => `... @include(if: true) { id${at % 2 ? ' name' : ''} }`)} } }`,
      undefined,
      { limit: 'directives', most: 100, asked: 101 },
    ],
    [
      'the same field 501 times',
      `{ me { ${repeat(501, () => 'id')} } }`,
      undefined,
      { limit: 'fields', most: 500, asked: 502 },
    ],
    [
      'a list of lists of lists',
      `{ workspaces(first: 100) { edges { node { files(first: 100) { edges { node { id } } } } } } }`,
      undefined,
      { limit: 'cost', most: 5_000, asked: 10_201 },
    ],
    [
      'the same by variables',
      `query ($n: Int) { workspaces(first: $n) { edges { node { files(last: $n) { edges { node { id } } } } } } }`,
      { n: 100 },
      { limit: 'cost', asked: 10_201 },
    ],
    [
      'the same by a variable’s default',
      `query ($n: Int = 100) { workspaces(first: $n) { edges { node { files(first: $n) { edges { node { id } } } } } } }`,
      undefined,
      { limit: 'cost', asked: 10_201 },
    ],
    [
      'what is within',
      `{ workspaces(first: 10) { edges { node { files(first: 100) { totalCount edges { node { id } } } } } } }`,
      undefined,
      undefined,
    ],
    [
      'introspection ten times over',
      `{ ${repeat(11, (at) => `s${at}: __schema { types { name } }`)} }`,
      undefined,
      { limit: 'cost', asked: 5_500 },
    ],
  ])('%s', async (_name, query, variables, expected) => {
    for (let time = 0; time < 3; time++) {
      const found = await refusal(query, variables);
      if (!expected) expect(found).toBeUndefined();
      else {
        expect(found!.extensions).toMatchObject({ code: 'too_large', ...expected });
        expect(found!.message).toMatch(/^The \w+ of a request is at most \d+, not \d+\.$/);
      }
    }
  });

  test('introspection that goes round in its types is refused', async () => {
    const round = `${'fields { type { '.repeat(6)}name${' } }'.repeat(6)}`;
    const found = await refusal(`{ __schema { types { ${round} } } }`);
    expect(found!.message).toContain('Maximum introspection depth');
  });

  test('a document of a hundred thousand words is refused by its length, at once', async () => {
    const before = performance.now();
    const found = await refusal(`{ ${repeat(100_000, () => 'me')} }`);
    expect(found!.message).toContain('5000');
    expect(performance.now() - before).toBeLessThan(1_000);
  });
});

describe('names', () => {
  const of = (type: string, paths: readonly string[]): Resource =>
    define({
      type,
      description: 'Test.',
      table: type.replaceAll('-', '_'),
      tenant: undefined,
      attributes: { name: text('Name.') },
      relationships: {},
      actions: Object.fromEntries(
        paths.map((path) => [
          path.replaceAll('/', '-'),
          { kind: 'verb', description: 'Test.', route: { on: 'collection', method: 'POST', path } },
        ]),
      ),
      policies: {
        read: signedIn,
        ...Object.fromEntries(paths.map((path) => [path.replaceAll('/', '-'), signedIn])),
      },
      events: {},
    });

  test.each([
    ['users', 'magic-link/sign-in', 'magicLinkSignIn'],
    ['users', 'two-factor/enable', 'twoFactorEnable'],
    ['users', 'sign-in', 'signIn'],
    ['sessions', 'revoke-others', 'revokeOtherSessions'],
    ['notifications', 'read-all', 'readAllNotifications'],
    ['invitations', 'accept', 'acceptInvitation'],
    ['invitations', 'preview', 'previewInvitation'],
  ])('%s %s is %s', (type, path, name) => {
    expect(mutationName(of(type, [path]), path.replaceAll('/', '-'))).toBe(name);
  });

  test('two that would share a name stop the start, and both are named', () => {
    const clash = [of('users', ['accept-invitation']), of('invitations', ['accept'])];
    verify(clash, registry(clash));
    expect(() => verifyNames(registry(clash))).toThrow(
      'GraphQL: users.accept-invitation and invitations.accept are both called mutation acceptInvitation.',
    );
  });
});
