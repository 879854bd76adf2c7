import type { Check, Registry, Resource } from '@kyozo/resource';

/**
 * What the declared policies promise, worked out apart from the code that keeps the promise: over rows
 * read past row-level security, with an evaluation of its own.
 */
export type Record_ = { type: string; id: string; values: Readonly<Record<string, unknown>> };
export type Role = 'owner' | 'admin' | 'member';
export type Actor = { userId: string; teamId: string; role: Role; scopes: readonly string[] };
export type Membership = { userId: string; teamId: string };

export class Oracle {
  readonly known: Registry;
  readonly records: readonly Record_[];
  readonly #memberships: ReadonlySet<string>;
  readonly #byKey: ReadonlyMap<string, Record_>;

  constructor(known: Registry, records: readonly Record_[], memberships: readonly Membership[]) {
    this.known = known;
    this.records = records;
    this.#memberships = new Set(memberships.map((it) => `${it.userId} ${it.teamId}`));
    this.#byKey = new Map(records.map((it) => [`${it.type} ${it.id}`, it]));
  }

  find(type: string, id: string): Record_ | undefined {
    return this.#byKey.get(`${type} ${id}`);
  }

  /** Whether a credential's scopes reach reads or writes of a type; write includes read. */
  reaches(actor: Actor, type: string, access: 'read' | 'write'): boolean {
    const levels = access === 'read' ? ['read', 'write'] : ['write'];
    return levels.some((it) => actor.scopes.includes(it) || actor.scopes.includes(`${type}:${it}`));
  }

  /** Whether the actor may see a record, scopes aside. */
  sees(actor: Actor, record: Record_): boolean {
    const resource = this.known.get(record.type)!;
    return this.#isInReach(actor, record) && this.holds(resource.policies.read!, actor, record);
  }

  visible(actor: Actor, type: string): Record_[] {
    return this.records.filter((it) => it.type === type && this.sees(actor, it));
  }

  /** The workspace that a record is, or is in by its foreign keys. */
  workspaceOf(record: Record_): Record_ | undefined {
    if (record.type === 'workspaces') return record;
    for (const [field, type] of holders) {
      const holder = this.find(type, String(record.values[field]));
      if (holder) return this.workspaceOf(holder);
    }
    return undefined;
  }

  /** What an action is told because the record's workspace is closed; undefined where it is open to it. */
  closed(record: Record_, action: string): 'forbidden' | 'conflict' | undefined {
    const { within, actions } = this.known.get(record.type)!;
    const allowed = actions[action]?.allowedIn;
    const workspace = within && allowed !== 'trash' ? this.workspaceOf(record) : undefined;
    if (!isNull(workspace?.values.deletedAt)) return 'conflict';
    return isNull(workspace?.values.archivedAt) || allowed === 'archive' ? undefined : 'forbidden';
  }

  isMember(userId: string, teamId: unknown): boolean {
    return this.#memberships.has(`${userId} ${teamId}`);
  }

  /** Whether a policy says yes to the actor, of a record or of none. */
  holds(check: Check, actor: Actor, record?: Record_): boolean {
    const value = (field: string) => (field === 'id' ? record?.id : record?.values[field]);
    switch (check.check) {
      case 'anyone':
      case 'signed-in':
        return true;
      case 'nobody':
        return false;
      case 'role':
        return check.roles.includes(actor.role);
      case 'self':
        return value(check.field) === actor.userId;
      case 'acting':
        return value(check.field) === actor.teamId;
      case 'field':
        return value(check.field) === check.value;
      case 'not':
        return !this.holds(check.of, actor, record);
      case 'all':
        return check.of.every((part) => this.holds(part, actor, record));
      case 'any':
        return check.of.some((part) => this.holds(part, actor, record));
      case 'through':
        // The one policy through a relationship: people are seen by those who share a team with them.
        return record?.type === 'users' && this.#shares(actor, record.id);
    }
  }

  /** What the database lets a transaction of this actor see: isolation, before any policy. */
  #isInReach(actor: Actor, record: Record_): boolean {
    const { type, id, values } = record;
    const resource = this.known.get(type)!;
    if (type === 'users') return id === actor.userId || this.#shares(actor, id);
    if (type === 'teams') return id === actor.teamId || this.isMember(actor.userId, id);
    if (type === 'user-teams')
      return values.teamId === actor.teamId || values.userId === actor.userId;
    if (type !== 'workspaces' && !isNull(this.workspaceOf(record)?.values.deletedAt)) return false;
    if (type === 'blobs' && !this.#isNamed(record)) return false;
    if (isPersonal(resource)) return values.userId === actor.userId;
    return values.teamId === actor.teamId;
  }

  /** Whether a version outside the trash has these bytes. */
  #isNamed({ values }: Record_): boolean {
    return this.records.some(
      (it) =>
        it.type === 'file-versions' &&
        it.values.sha256 === values.sha256 &&
        it.values.teamId === values.teamId &&
        isNull(this.workspaceOf(it)?.values.deletedAt),
    );
  }

  #shares(actor: Actor, userId: string): boolean {
    return userId === actor.userId || this.isMember(userId, actor.teamId);
  }
}

/** Foreign keys that lead towards a workspace, nearest first. */
const holders = [
  ['workspaceId', 'workspaces'],
  ['fileId', 'files'],
  ['notebookId', 'notebooks'],
  ['runId', 'task-runs'],
  ['transferId', 'transfers'],
] as const;

const isNull = (value: unknown) => value === null || value === undefined;

/** A resource that belongs to a person, over all teams. */
const isPersonal = (resource: Resource) =>
  ['sessions', 'passkeys', 'notifications', 'notification-preferences'].includes(resource.type);
