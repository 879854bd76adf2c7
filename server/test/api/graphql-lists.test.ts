import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Database } from '../../src/database/database.ts';
import { type Person, type RecordObject, register } from '../support/api.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let ann: Person;
const workspaces: RecordObject[] = [];
let statements = 0;
const { text, rows } = Database.prototype;

beforeAll(async () => {
  Database.prototype.text = function counted(...given) {
    statements += 1;
    return text.apply(this, given);
  };
  Database.prototype.rows = function counted(...given) {
    statements += 1;
    return rows.apply(this, given) as never;
  };
  server = await startServer();
  ann = await register(server.url);
  for (let at = 0; at < 6; at++) {
    const workspace = await ann.workspace(`W${at}`);
    workspaces.push(workspace);
    for (let file = 0; file < at * 2; file++) await ann.file(workspace, `f${file}.md`);
  }
});
afterAll(async () => {
  Object.assign(Database.prototype, { text, rows });
  await server.stop();
});

/** Asks three times, so that the document is also run compiled; answers what all three agree on. */
async function ask<Data>(query: string, variables?: object) {
  const answers: unknown[] = [];
  const counts: number[] = [];
  for (let time = 0; time < 3; time++) {
    const before = statements;
    const { data, errors } = await ann.graphql<Data>(query, variables);
    expect(errors).toBeUndefined();
    answers.push(data);
    counts.push(statements - before);
  }
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).toEqual(answers[0]);
  expect(new Set(counts).size).toBe(1);
  return { data: answers[0] as Data, statements: counts[0]! };
}

type List = {
  totalCount: number;
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; endCursor: string };
  edges: { cursor: string; node: { id: string; path: string; name: string; files: List } }[];
};
const pathsOf = (list: List) => list.edges.map(({ node }) => node.path);

describe('lists below lists', () => {
  test('the first of each parent, with pages and counts of their own, in four statements', async () => {
    const { data, statements: count } = await ask<{ workspaces: List }>(
      `{ workspaces(sort: ["name"]) { totalCount edges { node { name files(first: 3, sort: ["path"]) {
        totalCount pageInfo { hasNextPage hasPreviousPage } edges { cursor node { path } } } } } } }`,
    );
    expect(count).toBe(4);
    expect(data.workspaces.totalCount).toBe(6);
    expect(
      data.workspaces.edges.map(({ node }) => [
        node.name,
        pathsOf(node.files),
        node.files.totalCount,
        node.files.pageInfo.hasNextPage,
      ]),
    ).toEqual([
      ['W0', [], 0, false],
      ['W1', ['f0.md', 'f1.md'], 2, false],
      ['W2', ['f0.md', 'f1.md', 'f2.md'], 4, true],
      ['W3', ['f0.md', 'f1.md', 'f2.md'], 6, true],
      ['W4', ['f0.md', 'f1.md', 'f2.md'], 8, true],
      ['W5', ['f0.md', 'f1.md', 'f2.md'], 10, true],
    ]);
  });

  test('to one, has one, many through and their lists: one statement a kind, however deep', async () => {
    const { statements: count } = await ask(
      `{ files(first: 20) { edges { node { path notebook { title } workspace { name team { name
        memberships { edges { node { role user { name teams { edges { node { name } } } } } } } } } } } } }`,
    );
    expect(count).toBe(6);
  });

  test('filters, orders and last work below each parent, the same list twice is one read', async () => {
    const { data, statements: count } = await ask<{
      workspaces: { edges: { node: Record<string, List> }[] };
    }>(
      `{ workspaces(sort: ["-name"], first: 2) { edges { node {
        a: files(filter: { path: { eq: "f1.md" } }) { edges { node { path } } }
        b: files(last: 2, sort: ["path"]) { edges { node { path } } pageInfo { hasNextPage hasPreviousPage } }
        c: files(last: 2, sort: ["path"]) { edges { node { path } } } } } } }`,
    );
    expect(count).toBe(3);
    const [w5, w4] = data.workspaces.edges.map(({ node }) => node);
    expect([pathsOf(w5!.a!), pathsOf(w5!.b!), pathsOf(w5!.c!)]).toEqual([
      ['f1.md'],
      ['f8.md', 'f9.md'],
      ['f8.md', 'f9.md'],
    ]);
    expect(pathsOf(w4!.b!)).toEqual(['f6.md', 'f7.md']);
    expect(w4!.b!.pageInfo).toEqual({ hasNextPage: false, hasPreviousPage: true });
  });

  test('a hundred nodes are found in two statements', async () => {
    const ids = [...workspaces.map(({ id }) => id), '01890a5d-ac96-774b-bcce-b302099a8057', 'x'];
    const { data, statements: count } = await ask<{ nodes: ({ id: string } | null)[] }>(
      'query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename ... on Workspace { name } } }',
      { ids },
    );
    expect(count).toBe(2);
    expect(data.nodes.map((node) => node?.id ?? null)).toEqual([...ids.slice(0, 6), null, null]);
    const many = await ann.graphql('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', {
      ids: Array.from({ length: 101 }, () => ids[0]),
    });
    expect(many.errors).toHaveLength(1);
  });
});

describe('Relay', () => {
  const list = async (parameters: string) =>
    (
      await ask<{ files: List }>(
        `{ files(filter: { workspace: { name: { eq: "W5" } } }, sort: ["path"], ${parameters}) {
          edges { cursor node { path } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
      )
    ).data.files;

  test('forwards and backwards meet: first/after and last/before are each other’s mirror', async () => {
    const forwards: string[][] = [];
    let after = '';
    for (let more = true; more; ) {
      const page = await list(`first: 4${after && `, after: "${after}"`}`);
      forwards.push(pathsOf(page));
      expect(page.pageInfo.hasPreviousPage).toBe(after !== '');
      after = page.pageInfo.endCursor;
      more = page.pageInfo.hasNextPage;
    }
    expect(forwards.map((page) => page.length)).toEqual([4, 4, 2]);
    const backwards: string[] = [];
    let before = '';
    for (let more = true; more; ) {
      const page = await list(`last: 4${before && `, before: "${before}"`}`);
      backwards.unshift(...pathsOf(page));
      expect(page.pageInfo.hasNextPage).toBe(before !== '');
      before = page.edges[0]!.cursor;
      more = page.pageInfo.hasPreviousPage;
    }
    expect(backwards).toEqual(forwards.flat());
  });

  test('the last without before are the end of the list', async () => {
    const page = await list('last: 3');
    expect(pathsOf(page)).toEqual(['f7.md', 'f8.md', 'f9.md']);
    expect(page.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    expect(pathsOf(await list('last: 100'))).toHaveLength(10);
  });

  test.each(['first: 1, last: 1', 'first: 1, before: "x"', 'last: 1, after: "x"'])(
    '%s is refused',
    async (parameters) => {
      const { errors } = await ann.graphql(`{ files(${parameters}) { totalCount } }`);
      expect(errors).toHaveLength(1);
    },
  );
});

describe('mutations', () => {
  test('actions of one document run in their order', async () => {
    const query = `mutation ($n: String!) {
      a: createWorkspace(input: { name: $n, slug: "ordered" }) { result { id } errors { code } }
      b: createWorkspace(input: { name: $n, slug: "ordered" }) { result { id } errors { code fields message } }
      c: createWorkspace(input: { name: $n, slug: "Not A Slug" }) { result { id } errors { code fields } }
    }`;
    const { data } = await ann.graphql<Record<string, { result: unknown; errors: object[] }>>(
      query,
      {
        n: 'Ordered',
      },
    );
    expect(data.a).toMatchObject({ result: { id: expect.any(String) }, errors: [] });
    expect(data.b).toMatchObject({ result: null, errors: [{ code: 'conflict' }] });
    expect(data.c).toMatchObject({ result: null, errors: [{ code: 'invalid', fields: ['slug'] }] });
  });
});
