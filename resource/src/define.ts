import type { Actor } from './actor.ts';
import type { Attribute } from './attribute.ts';
import type { Check } from './policy.ts';

/** How one resource reaches another. `field` names the foreign key, in camelCase. */
export type Relationship =
  | { kind: 'belongs-to'; type: string; field: string; nullable: boolean }
  | { kind: 'has-many' | 'has-one'; type: string; field: string }
  | { kind: 'many-through'; type: string; through: string; field: string; otherField: string };

export const belongsTo = (type: string, field: string, nullable = false): Relationship => ({
  kind: 'belongs-to',
  type,
  field,
  nullable,
});
export const hasMany = (type: string, field: string): Relationship => ({
  kind: 'has-many',
  type,
  field,
});
export const hasOne = (type: string, field: string): Relationship => ({
  kind: 'has-one',
  type,
  field,
});
/** Many to many by way of the resource type `through`, whose keys are `field` (ours) and `otherField`. */
export const manyThrough = (
  type: string,
  through: string,
  field: string,
  otherField: string,
): Relationship => ({ kind: 'many-through', type, through, field, otherField });

export type Values = Record<string, unknown>;

/** What an action was given, checked: attributes and foreign keys to set, and arguments beside them. */
export type Input = { values: Values; arguments: Values };

export type Action = {
  kind: 'create' | 'update' | 'destroy' | 'verb';
  description: string;
  /** Attributes that a caller may set. */
  accept?: readonly string[];
  /** Of these and of the arguments, the ones that must be given. */
  require?: readonly string[];
  /** Inputs beside the attributes. */
  arguments?: Readonly<Record<string, Attribute>>;
  /** Belongs-to relationships that a caller may set. */
  relate?: readonly string[];
  /** Values that follow from the input; pure. */
  change?: (input: Input, actor: Actor, now: string) => Values;
  /** Where a named action lies: `/type/path`, or `/type/:id/path`. Plain create, update and destroy have none. */
  route?: { on: 'collection' | 'record'; method: 'POST' | 'DELETE'; path: string };
  /** The status of a success; follows from the kind when absent. */
  status?: 200 | 201 | 202 | 204;
  /** The type of the record it answers with, when that is not the resource itself. */
  answers?: string;
  /** Another resource's type whose create this is, so that its scope is asked for. */
  scope?: string;
  /** May still be done when the record's container is archived, or even in the trash; else only while it is open. */
  allowedIn?: 'archive' | 'trash';
};

/** One resource, in the order in which a reader asks. Anything not listed exists at no edge. */
export type Resource = {
  type: string;
  description: string;
  table: string;
  /** The field that holds the team's id; none for users, who are in several teams. */
  tenant: string | undefined;
  /** The field that marks the trash; records with it set are left out of lists that do not name it. */
  trash?: string;
  attributes: Readonly<Record<string, Attribute>>;
  /** Columns that no edge shows; the event log records them, so that replay can rebuild the table. */
  internal?: Readonly<Record<string, Attribute>>;
  relationships: Readonly<Record<string, Relationship>>;
  actions: Readonly<Record<string, Action>>;
  /** `read`, and one check for each action. */
  policies: Readonly<Record<string, Check>>;
  /** The event that each changing action writes. */
  events: Readonly<Record<string, { name: string; version: number }>>;
  /**
   * An attribute that numbers the records of one parent: it is the order and, as it stands, the cursor,
   * so that a reader can resume by number.
   */
  cursor?: string;
  /**
   * The belongs-to relationships that lead, one after the other, to the container that the record is in;
   * empty for a container itself. Whether that is archived or in the trash decides what may be changed.
   */
  within?: readonly string[];
  /** Default order of lists; newest first when absent. */
  sort?: readonly { field: string; descending: boolean }[];
};

/** Freezes a declaration, all the way down. */
export function define<const R extends Resource>(resource: R): R {
  return deepFreeze(resource);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}

/** The declarations by type; the only thing that knows all of them. */
export type Registry = ReadonlyMap<string, Resource>;

export const registry = (resources: readonly Resource[]): Registry =>
  new Map(resources.map((resource) => [resource.type, resource]));

/** The resource of a type that is known to exist, because `verify` has seen to it. */
export function resourceOf(known: Registry, type: string): Resource {
  const resource = known.get(type);
  if (!resource) throw new Error(`No resource of type ${type} is declared.`);
  return resource;
}

/** The foreign keys that live in the resource's own table. */
export const foreignKeysOf = (resource: Resource): string[] =>
  Object.values(resource.relationships)
    .filter((relationship) => relationship.kind === 'belongs-to')
    .map((relationship) => relationship.field);
