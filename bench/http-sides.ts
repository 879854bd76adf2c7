/** The contenders of `bench http`, each with the same shapes in its own words. */
export type Team = { team_id: string; workspace_id: string; file_id: string };
export type Asked = { method: 'GET' | 'POST'; path: string; body?: string };
export type ShapeName = 'list' | 'get' | 'create' | 'graphql';
export type Side = {
  name: string;
  url: string;
  headers: Record<string, string>;
  shapes: Partial<Record<ShapeName, (team: Team) => Asked>>;
};

let count = 0;
const newPath = () => `new-${++count}.md`;
const post = (path: string, body: unknown): Asked => ({
  ...{ method: 'POST', path },
  body: JSON.stringify(body),
});

/** Twenty files with a nested record, as many fields as a file list shows. */
const fields = 'id path name contentType size version updatedAt workspace { id name slug }';
const listQuery = `query ($n: Int!) { files(first: $n) { edges { node { ${fields} } } } }`;

export const ours = (url: string, token: string): Side => ({
  name: 'Kyozo',
  url,
  headers: { authorization: `Bearer ${token}`, 'content-type': 'application/vnd.api+json' },
  shapes: {
    list: () => ({ method: 'GET', path: '/api/v1/files?page[size]=20' }),
    get: (team) => ({ method: 'GET', path: `/api/v1/files/${team.file_id}` }),
    create: (team) =>
      post('/api/v1/files', {
        data: {
          type: 'files',
          attributes: { path: newPath() },
          relationships: { workspace: { data: { type: 'workspaces', id: team.workspace_id } } },
        },
      }),
    graphql: () => post('/api/graphql', { query: listQuery, variables: { n: 20 } }),
  },
});

export const handWritten = (url: string): Side => ({
  name: 'Fastify + pg by hand',
  url,
  headers: { 'content-type': 'application/json' },
  shapes: {
    list: () => ({ method: 'GET', path: '/files' }),
    get: (team) => ({ method: 'GET', path: `/files/${team.file_id}` }),
    create: (team) => post('/files', { path: newPath(), workspaceId: team.workspace_id }),
    // The floor of GraphQL is the plain list by hand: it does not even nest.
    graphql: () => ({ method: 'GET', path: '/files' }),
  },
});

const shown =
  'id,path,name,content_type,size,version,storage_backend,metadata,inserted_at,updated_at,deleted_at,workspace_id';
const directusQuery = `query ($team: String!) { files(limit: 20, sort: ["-id"], filter: { team_id: { _eq: $team } }) {
  id path name content_type size version updated_at workspace_id { id name slug } } }`;

/** Directus with its own collections over the same tables' rows; the team is a filter there. */
export const directus = (url: string, token: string): Side => ({
  name: 'Directus',
  url,
  headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  shapes: {
    list: (team) => ({
      method: 'GET',
      path: `/items/files?limit=20&sort=-id&fields=${shown}&filter[team_id][_eq]=${team.team_id}`,
    }),
    get: (team) => ({ method: 'GET', path: `/items/files/${team.file_id}?fields=${shown}` }),
    create: (team) =>
      post('/items/files', {
        ...{ team_id: team.team_id, workspace_id: team.workspace_id },
        ...{ path: newPath(), folded_path: newPath(), name: 'new.md', size: 0, version: 0 },
      }),
    graphql: (team) =>
      post('/graphql', { query: directusQuery, variables: { team: team.team_id } }),
  },
});
