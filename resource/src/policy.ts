import type { Actor, Role } from './actor.ts';
import { always, type Condition, equals, never } from './condition.ts';

/**
 * A policy is a plain value that can be asked of a record or turned into a condition on a read.
 * `through` looks along a relationship, so it can only be turned into a condition.
 */
export type Check =
  | { check: 'anyone' | 'signed-in' | 'nobody' }
  | { check: 'role'; roles: readonly Role[] }
  | { check: 'self'; field: string }
  | { check: 'acting'; field: string }
  | { check: 'field'; field: string; value: unknown }
  | { check: 'all' | 'any'; of: readonly Check[] }
  | { check: 'not'; of: Check }
  | { check: 'through'; relationship: string; of: Check };

export const anyone: Check = { check: 'anyone' };
export const signedIn: Check = { check: 'signed-in' };
/** No request may do it; only the server's own domain code does. */
export const nobody: Check = { check: 'nobody' };
export const role = (...roles: Role[]): Check => ({ check: 'role', roles });
/** The field holds the actor's own user id. */
export const self = (field: string): Check => ({ check: 'self', field });
/** The field holds the team that the actor acts in. */
export const acting = (field: string): Check => ({ check: 'acting', field });
export const fieldIs = (field: string, value: unknown): Check => ({ check: 'field', field, value });
export const all = (...of: Check[]): Check => ({ check: 'all', of });
export const any = (...of: Check[]): Check => ({ check: 'any', of });
export const not = (of: Check): Check => ({ check: 'not', of });
export const through = (relationship: string, of: Check): Check => ({
  check: 'through',
  relationship,
  of,
});

/** The policy as a condition on records: those on which it answers yes to this actor. */
export function toCondition(check: Check, actor: Actor | undefined): Condition {
  switch (check.check) {
    case 'anyone':
      return always;
    case 'signed-in':
      return actor ? always : never;
    case 'nobody':
      return never;
    case 'role':
      return actor && check.roles.includes(actor.role) ? always : never;
    case 'self':
      return actor ? equals(check.field, actor.userId) : never;
    case 'acting':
      return actor ? equals(check.field, actor.teamId) : never;
    case 'field':
      return equals(check.field, check.value);
    case 'not':
      return { kind: 'not', of: toCondition(check.of, actor) };
    case 'through':
      return {
        kind: 'related',
        relationship: check.relationship,
        where: toCondition(check.of, actor),
      };
    default:
      return {
        kind: check.check === 'all' ? 'and' : 'or',
        of: check.of.map((part) => toCondition(part, actor)),
      };
  }
}

/** What the policy answers of one record (its values by field), or of none, for a create. */
export function ask(
  check: Check,
  actor: Actor | undefined,
  record: Readonly<Record<string, unknown>> = {},
): boolean {
  switch (check.check) {
    case 'anyone':
      return true;
    case 'signed-in':
      return actor !== undefined;
    case 'nobody':
      return false;
    case 'role':
      return actor !== undefined && check.roles.includes(actor.role);
    case 'self':
      return actor !== undefined && record[check.field] === actor.userId;
    case 'acting':
      return actor !== undefined && record[check.field] === actor.teamId;
    case 'field':
      return record[check.field] === check.value;
    case 'not':
      return !ask(check.of, actor, record);
    case 'all':
      return check.of.every((part) => ask(part, actor, record));
    case 'any':
      return check.of.some((part) => ask(part, actor, record));
    case 'through':
      throw new Error('A policy through a relationship can only be a condition on a read.');
  }
}

/** The record's own fields that a policy needs in order to be asked. */
export function fieldsOf(check: Check): string[] {
  if ('field' in check) return [check.field];
  if (!('of' in check)) return [];
  return Array.isArray(check.of) ? check.of.flatMap(fieldsOf) : fieldsOf(check.of as Check);
}
