import {
  type Actor,
  forbidden,
  invalid,
  KyozoError,
  notFound,
  personOf,
  type Role,
  type Values,
} from '@kyozo/resource';
import { type Call, type Performers, stale } from '../actions.ts';
import type { Queries, Transaction } from '../database/database.ts';
import { type Row, rowOf } from '../database/select.ts';
import { sql } from '../database/sql.ts';
import { changeStatement } from '../database/write.ts';
import { valuesOf } from '../records.ts';
import type { Notifier } from './notifier.ts';
import { guardOwners } from './roles.ts';
import { team } from './team.ts';
import { userTeam } from './user-team.ts';

type Member = { id: string; user_id: string; role: Role; team: string };

/** Roles, leaving and handing over. That a team keeps an owner is the database's to see to. */
export function membershipPerformers(queries: Queries, notifier: Notifier): Performers {
  return {
    async 'user-teams.update'({ actor, input, record, ifVersion }: Call) {
      const { member, row } = await queries.transaction(actor, async (transaction) => {
        const member = await lock(transaction, sql`m.id = ${record!.id}`);
        if (!member) throw notFound();
        const role = (input.values.role as Role | undefined) ?? member.role;
        guardOwners(actor, member.role, role);
        return {
          member,
          row: await assign(notifier, transaction, actor, member, { role }, ifVersion),
        };
      });
      notifier.wake(queries, member.user_id);
      return { row, actor: { ...actor, role: roleAfter(actor, member, row) } };
    },

    async 'user-teams.destroy'({ actor, record, ifVersion }: Call) {
      const member = await queries.transaction(actor, async (transaction) => {
        const member = await lock(transaction, sql`m.id = ${record!.id}`);
        if (!member) throw notFound();
        guardOwners(actor, member.role);
        await revokeKeys(transaction, actor, member.user_id);
        await change(transaction, actor, 'delete', member.id, {}, ifVersion);
        if (member.user_id !== actor.userId) {
          const data = { team: member.team };
          await notifier.tell(
            transaction,
            member.user_id,
            'membership.removed',
            actor.teamId,
            data,
          );
        }
        return member;
      });
      notifier.wake(queries, member.user_id);
      return {};
    },

    async 'teams.transfer'({ actor, input, record }: Call) {
      const person = personOf(actor);
      const pointer = '/data/attributes/userId';
      const heir = (input.arguments.userId as string).toLowerCase();
      if (person === undefined) throw forbidden("A team's key hands nothing over.");
      if ((valuesOf(team, record!) as { personal: boolean }).personal) {
        throw new KyozoError('conflict', 'A personal team is not handed over.');
      }
      if (heir === person) throw invalid('userId is you.', { pointer });
      await queries.transaction(actor, async (transaction) => {
        const next = await lock(transaction, sql`m.user_id = ${heir}`);
        const own = await lock(transaction, sql`m.user_id = ${person}`);
        if (!next || !own) throw invalid('userId is no member of the team.', { pointer });
        await assign(notifier, transaction, actor, next, { role: 'owner' });
        await assign(notifier, transaction, actor, own, { role: 'admin' });
      });
      notifier.wake(queries, heir);
      return { row: record!, actor: { ...actor, role: 'admin' as const } };
    },
  };
}

/** A membership of the acting team, held until the transaction ends. */
async function lock(transaction: Transaction, where: Parameters<Transaction['rows']>[0]) {
  const [member] = await transaction.rows<Member>(
    sql`select m.id, m.user_id, m.role, t.name as team from user_teams m join teams t on t.id = m.team_id
      where m.team_id = current_team() and ${where} for update of m`,
  );
  return member;
}

/** Gives a role, and tells the member of one that is new. */
async function assign(
  notifier: Notifier,
  transaction: Transaction,
  actor: Actor,
  member: Member,
  values: { role: Role },
  ifVersion?: string,
): Promise<Row> {
  const row = await change(transaction, actor, 'update', member.id, values, ifVersion);
  if (values.role !== member.role && member.user_id !== actor.userId) {
    const data = { team: member.team, role: values.role };
    await notifier.tell(transaction, member.user_id, 'membership.role-changed', actor.teamId, data);
  }
  return row;
}

async function change(
  transaction: Transaction,
  actor: Actor,
  kind: 'update' | 'delete',
  id: string,
  values: Values,
  ifVersion?: string,
): Promise<Row> {
  const event = userTeam.events[kind === 'update' ? 'update' : 'destroy'];
  const what = { kind, resource: userTeam, id, values, event };
  const [row] = await transaction.text(changeStatement(actor, what, ifVersion));
  if (!row) throw ifVersion === undefined ? notFound() : stale();
  return rowOf({ resource: userTeam, sort: [] }, row);
}

/** The keys go with the membership by reference; here they go with an event each. */
async function revokeKeys(transaction: Transaction, actor: Actor, person: string): Promise<void> {
  await transaction.rows(sql`
    with revoked as (delete from api_keys where user_id = ${person} returning *)
    insert into events (id, team_id, user_id, resource, record_id, name, version, state)
      select new_id(), team_id, ${personOf(actor) ?? null}::uuid, 'api-keys', id, 'api-key.revoked', 1, to_jsonb(revoked) from revoked`);
}

/** Whoever changes their own role goes on in the new one. */
function roleAfter(actor: Actor, member: Member, row: Row): Role {
  if (member.user_id !== actor.userId) return actor.role;
  return (JSON.parse(row.attributes) as { role: Role }).role;
}
