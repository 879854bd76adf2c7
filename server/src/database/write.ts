import {
  type Actor,
  type Change,
  columnOf,
  personOf,
  type Resource,
  type Values,
} from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { Statement } from './flight.ts';
import { projection } from './select.ts';
import { prepared, Slots, type Sql, sql } from './sql.ts';

/** In whose name a change is logged. */
export type Signer = Actor | { teamId: string; userId?: string };

/**
 * One change and its event as a single statement; answers the row as `rowOf` reads it, or nothing
 * when the record is gone or no longer in the version that `ifVersion` names.
 */
export function changeStatement(signer: Signer, change: Change, ifVersion?: string): Statement {
  const { resource, kind, event } = change;
  const slots = new Slots();
  const values = Object.fromEntries(
    Object.keys(change.values).map((name) => [name, slots.take(parameter(change, name))]),
  );
  const shaped = { ...change, values, id: slots.take(change.id) };
  const version = ifVersion === undefined ? undefined : slots.take(ifVersion);
  const written = {
    id: slots.take(uuidv7()),
    teamId: slots.take(signer.teamId),
    userId: slots.take(signerId(signer)),
  };
  const key = JSON.stringify(['change', kind, resource.type, event, values, version]);
  return prepared(key, slots, () => {
    const log = event
      ? sql`, event as (insert into events (id, team_id, user_id, resource, record_id, name, version, state)
          select ${written.id}, ${written.teamId}, ${written.userId}, ${sql.lit(resource.type)}, t.id,
            ${sql.lit(event.name)}, ${sql.lit(event.version)}, to_jsonb(t) - 'row_version' from row t)`
      : sql``;
    return sql`with row as (${changeRow(shaped, version)} returning *, xmin::text as row_version) ${log}
      select ${projection(resource, { version: sql`t.row_version` })} from row t`;
  });
}

/**
 * Many new records of one kind, with the same fields each, and their events as a single statement, whose
 * text is the same for any number; it answers no rows. A thousand files one by one took ten times as long.
 */
export function insertStatement(
  signer: Signer,
  resource: Resource,
  event: NonNullable<Change['event']>,
  records: readonly { id: string; values: Values }[],
): Statement {
  const slots = new Slots();
  const names = Object.keys(records[0]!.values);
  const rows = slots.take(JSON.stringify(records.map(columnsOf)));
  const ids = slots.take(records.map(({ id }) => id));
  const eventIds = slots.take(records.map(() => uuidv7()));
  const teamId = slots.take(signer.teamId);
  const userId = slots.take(signerId(signer));
  const key = JSON.stringify(['insert', resource.type, event, names]);
  return prepared(key, slots, () => {
    const table = sql.table(resource.table);
    const columns = sql.join(['id', ...names.map(columnOf)].map((name) => sql.id(name)));
    return sql`with row as (insert into ${table} (${columns})
        select ${columns} from json_populate_recordset(null::${table}, ${rows}::json)
        returning *, xmin::text as row_version)
      insert into events (id, team_id, user_id, resource, record_id, name, version, state)
        select m.event_id, ${teamId}::uuid, ${userId}::uuid, ${sql.lit(resource.type)}, t.id,
          ${sql.lit(event.name)}, ${sql.lit(event.version)}, to_jsonb(t) - 'row_version'
        from row t join unnest(${ids}::uuid[], ${eventIds}::uuid[]) as m (id, event_id) on m.id = t.id
        order by m.event_id`;
  });
}

const columnsOf = ({ id, values }: { id: string; values: Values }): Values =>
  Object.fromEntries([
    ['id', id],
    ...Object.entries(values).map(([name, value]) => [columnOf(name), value]),
  ]);

const signerId = (signer: Signer): string | null =>
  ('credential' in signer ? personOf(signer) : signer.userId) ?? null;

function changeRow(change: Change, ifVersion: string | undefined): Sql {
  const table = sql.table(change.resource.table);
  const found = sql`where id = ${change.id} ${ifVersion === undefined ? sql`` : sql`and xmin::text = ${ifVersion}`}`;
  if (change.kind === 'delete') return sql`delete from ${table} ${found}`;
  if (change.kind === 'insert') {
    const columns = Object.keys(change.values);
    return sql`insert into ${table} (id, ${sql.join(columns.map((name) => sql.id(columnOf(name))))})
      values (${change.id}, ${sql.join(columns.map((name) => sql`${change.values[name]}`))})`;
  }
  return sql`update ${table} set ${sql.join(assignments(change))} ${found}`;
}

function assignments(change: Change): Sql[] {
  const stamp = 'updatedAt' in change.resource.attributes ? [sql`updated_at = now()`] : [];
  const set = Object.keys(change.values).map(
    (name) => sql`${sql.id(columnOf(name))} = ${change.values[name]}`,
  );
  return [...set, ...stamp].length > 0 ? [...set, ...stamp] : [sql`id = id`];
}

/** JSON goes as its text, so that a JSON array is not taken for an array of PostgreSQL's. */
function parameter({ resource, values }: Change, name: string): unknown {
  const attribute = resource.attributes[name] ?? resource.internal?.[name];
  const value = values[name];
  return attribute?.kind === 'json' && value !== null ? JSON.stringify(value) : value;
}
