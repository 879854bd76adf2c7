/**
 * The floor of `bench http`: what a good engineer would write by hand with Fastify and pg, with no row
 * security, no policy, no events and no JSON:API. A process of its own; prints its address.
 */
import Fastify from 'fastify';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';

const pool = new pg.Pool({ connectionString: process.argv[2], max: 10 });
const app = Fastify();
const columns =
  'id, workspace_id, path, name, content_type, size, version, storage_backend, metadata, inserted_at, updated_at, deleted_at';

app.get('/files', async (request) => {
  const { rows } = await pool.query({
    name: 'list',
    text: `select ${columns} from files where team_id = $1 and deleted_at is null order by id desc limit 20`,
    values: [request.headers['kyozo-team']],
  });
  return rows;
});
app.get<{ Params: { id: string } }>('/files/:id', async (request) => {
  const { rows } = await pool.query({
    name: 'get',
    text: `select ${columns} from files where team_id = $1 and id = $2`,
    values: [request.headers['kyozo-team'], request.params.id],
  });
  return rows[0];
});
app.post<{ Body: { path: string; workspaceId: string } }>('/files', async (request, reply) => {
  const { path, workspaceId } = request.body;
  const { rows } = await pool.query({
    name: 'create',
    text: `insert into files (id, team_id, workspace_id, path, folded_path, name) values ($1, $2, $3, $4, $4, $4) returning ${columns}`,
    values: [uuidv7(), request.headers['kyozo-team'], workspaceId, path],
  });
  return reply.code(201).send(rows[0]);
});

const address = await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${address}\n`);
process.on('SIGTERM', () => process.exit(0));
