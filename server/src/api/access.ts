import type { Registry, Resource } from '@kyozo/resource';
import type { FastifyInstance } from 'fastify';
import { root } from './jsonapi/document.ts';
import { actionsOf, placeOf } from './jsonapi/routes.ts';

/**
 * Who may call a route: `anyone`; `actor`, somebody with a credential, who then sees what policies let
 * them see; `admin`, an owner or admin of the team; `operator`, a call from this machine; `protocol`, where the credential comes in the protocol's
 * own way; or the policy of an action, such as `files.read`.
 */
export type Access = 'anyone' | 'actor' | 'admin' | 'operator' | 'protocol' | `${string}.${string}`;

/** The routes that no declaration makes. */
const plain: Record<string, Access> = {
  'GET /health': 'admin',
  'GET /health/live': 'anyone',
  'GET /health/ready': 'anyone',
  'GET /metrics': 'operator',
  'GET /.well-known/jwks.json': 'anyone',
  'GET /api/v1/openapi.json': 'anyone',
  'GET /api/v1/sign-in-methods': 'anyone',
  'GET /api/v1/auth/:provider': 'anyone',
  'GET /api/v1/auth/callback/:provider': 'protocol',
  'POST /api/v1/auth/callback/:provider': 'protocol',
  'GET /api/v1/users/me': 'users.read',
  'POST /api/v1/operations': 'actor',
  'GET /api/v1/files/:id/content': 'files.read',
  'PUT /api/v1/files/:id/content': 'files.write',
  'GET /api/v1/files/:id/thumbnail': 'pictures.read',
  'GET /api/v1/files/:id/diff': 'file-versions.read',
  'GET /api/v1/files/:id/blame': 'file-versions.read',
  'GET /api/v1/branches/:id/changes': 'branches.read',
  'GET /api/v1/workspaces/:id/commits': 'branches.read',
  'GET /api/v1/workspaces/:id/commits/:commitId': 'branches.read',
  'GET /api/v1/workspaces/:id/commits/:commitId/changes': 'branches.read',
  'GET /api/v1/file-versions/:id/content': 'file-versions.read',
  'POST /api/v1/workspaces/:id/import': 'files.create',
  'GET /api/v1/transfers/:id/content': 'transfers.read',
  'POST /api/v1/uploads': 'files.create',
  'POST /api/v1/uploads/:id': 'files.create',
  'PATCH /api/v1/uploads/:id': 'files.create',
  'DELETE /api/v1/uploads/:id': 'files.create',
  'GET /api/v1/events/stream': 'events.read',
  'GET /api/v1/notifications/stream': 'notifications.read',
  'GET /api/v1/task-runs/:id/outputs/stream': 'task-run-outputs.read',
  'GET /api/graphql': 'protocol',
  'POST /api/graphql': 'protocol',
  'GET /collaboration': 'protocol',
  'GET /git/:team/:workspace.git/info/refs': 'protocol',
  'POST /git/:team/:workspace.git/git-upload-pack': 'protocol',
  'POST /git/:team/:workspace.git/git-receive-pack': 'protocol',
  'POST /git/:team/:workspace.git/info/lfs/objects/batch': 'protocol',
  'GET /git/:team/:workspace.git/info/lfs/objects/:oid': 'protocol',
  'PUT /git/:team/:workspace.git/info/lfs/objects/:oid': 'protocol',
  'POST /git/:team/:workspace.git/info/lfs/objects/verify': 'protocol',
  'GET /git/:team/:workspace.git/info/lfs/locks': 'protocol',
  'POST /git/:team/:workspace.git/info/lfs/locks': 'protocol',
  'POST /git/:team/:workspace.git/info/lfs/locks/verify': 'protocol',
};

/** Every route of the server by method and address, and who may call it. */
export function accessOf(known: Registry): ReadonlyMap<string, Access> {
  return new Map([
    ...Object.entries(plain),
    ...[...known.values()].flatMap((resource) => routesOf(resource)),
  ]);
}

function routesOf(resource: Resource): [string, Access][] {
  const { type } = resource;
  const base = `${root}/${type}`;
  const read: Access = `${type}.read`;
  const relationships = Object.entries(resource.relationships).flatMap(
    ([name, it]): [string, Access][] => {
      const own = `${base}/:id/relationships/${name}`;
      const change: Access = `${type}.update`;
      return [
        [`GET ${base}/:id/${name}`, `${it.type}.read`],
        [`GET ${own}`, `${it.type}.read`],
        [`PATCH ${own}`, change],
        [`POST ${own}`, change],
        [`DELETE ${own}`, change],
      ];
    },
  );
  const actions = actionsOf(resource)
    .filter((name) => name !== 'write')
    .map((name): [string, Access] => {
      const { method, url } = placeOf(resource, name);
      return [`${method} ${root}${url}`, `${type}.${name}`];
    });
  return [[`GET ${base}`, read], [`GET ${base}/:id`, read], ...relationships, ...actions];
}

/** Pages and their files: the same for everybody. */
const isPage = (url: string) =>
  !/^\/(api|git|collaboration)(\/|$)/.test(url) || /^\/api\/(docs|graphql\/explorer\/)/.test(url);

/** Stops the start at a route that nobody has said the access of. */
export function requireAccess(app: FastifyInstance, known: Registry): void {
  const declared = accessOf(known);
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) {
      if (each === 'HEAD' || each === 'OPTIONS' || declared.has(`${each} ${url}`)) continue;
      if (each === 'GET' && isPage(url)) continue;
      throw new Error(`Nobody has said who may call ${each} ${url}: see api/access.ts.`);
    }
  });
}
