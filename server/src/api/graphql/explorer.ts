import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { FastifyInstance, FastifyReply } from 'fastify';

const base = '/api/graphql/explorer';
const start = `ReactDOM.createRoot(document.querySelector('#explorer')).render(
  React.createElement(GraphiQL, { fetcher: GraphiQL.createFetcher({ url: '/api/graphql' }) }));`;
const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><title>Kyozo GraphQL</title>
<link rel="stylesheet" href="${base}/graphiql.css">
<style>body { margin: 0 } #explorer { height: 100vh }</style>
</head>
<body>
<div id="explorer">Loading…</div>
<script src="${base}/react.js"></script>
<script src="${base}/react-dom.js"></script>
<script src="${base}/graphiql.js"></script>
<script src="${base}/start.js"></script>
</body>
</html>
`;
/** From the packages themselves, so that it works without the internet. */
const files = [
  ['react.js', 'react', 'umd/react.production.min.js'],
  ['react-dom.js', 'react-dom', 'umd/react-dom.production.min.js'],
  ['graphiql.js', 'graphiql', 'graphiql.min.js'],
  ['graphiql.css', 'graphiql', 'graphiql.min.css'],
] as const;

/** GraphiQL's files, for development only. */
export function explorerAssets(app: FastifyInstance): void {
  const { resolve } = createRequire(import.meta.url);
  for (const [name, of, path] of files) {
    const type = name.endsWith('.css') ? 'text/css' : 'text/javascript';
    app.get(`${base}/${name}`, async (_request, reply) => {
      const folder = dirname(resolve(`${of}/package.json`));
      return reply.type(`${type}; charset=utf-8`).send(await readFile(join(folder, path)));
    });
  }
  app.get(`${base}/start.js`, async (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').send(start),
  );
}

export const explorerPage = (reply: FastifyReply): FastifyReply =>
  reply.type('text/html; charset=utf-8').send(page);
