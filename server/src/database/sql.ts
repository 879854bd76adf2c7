import { createHash } from 'node:crypto';
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type RawBuilder,
  sql,
} from 'kysely';
import type { Statement } from './flight.ts';

/** Kysely as the writer of SQL; `Database` carries it out, since tenants go out as one flight. */
const writer = new Kysely<Record<string, never>>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

export type Sql = RawBuilder<unknown>;
export { sql };

const names = new Map<string, string>();

/** Compiles a fragment to a prepared statement, named by its text. */
export function statement(fragment: Sql): Statement {
  const { sql: text, parameters } = fragment.compile(writer);
  return { name: nameOf(text), text, values: parameters };
}

function nameOf(text: string): string {
  let name = names.get(text);
  if (!name) {
    name = `s_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`;
    if (names.size < 10_000) names.set(text, name);
  }
  return name;
}
