import {
  type Action,
  type Actor,
  authorize,
  changeOf,
  faultsOf,
  type Input,
  KyozoError,
  notFound,
  parseInput,
  type RawInput,
  type Registry,
  type Resource,
} from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { Database, Queries } from './database/database.ts';
import { type Row, rowOf } from './database/select.ts';
import { sql } from './database/sql.ts';
import { changeStatement } from './database/write.ts';
import { Records, valuesOf } from './records.ts';

/** The program at the other end, as far as the edge can tell. */
export type Client = {
  ip: string;
  userAgent: string | undefined;
  /** A secret by which a device names itself, so that it is known again. */
  device?: string | undefined;
};
export type Call = {
  actor: Actor;
  input: Input;
  client: Client;
  record?: Row;
  ifVersion?: string;
};
/** What an action led to: a record to show (as `actor`, where the action made one), or nothing. */
export type Outcome = {
  row?: Row;
  resource?: Resource;
  status?: number;
  meta?: Record<string, unknown>;
  actor?: Actor;
};
/** An action whose work is more than one change of one row; its domain carries it out. */
export type Performer = (call: Call) => Promise<Outcome>;
/** The same for an action that nobody has to be signed in for. */
export type PublicPerformer = (call: Omit<Call, 'actor'>) => Promise<Outcome>;
/** By type and action, such as `files.create`. */
export type Performers = Readonly<Record<string, Performer | PublicPerformer>>;

export type Request = {
  resource: Resource;
  action: string;
  actor: Actor | undefined;
  id?: string;
  input: RawInput;
  /** Set by the edge, for limits and for the list of sessions. */
  client?: Client;
  /** The record's version that the caller has seen; a later one refuses the action. */
  /**
   * Looks at the record's version before anything is done; answers it where the change must meet it.
   * @throws KyozoError `precondition_failed`
   */
  precondition?: (version: string) => string | undefined;
};

type Parts = {
  database: Database;
  known: Registry;
  performers: Performers;
  /** The performers that change nothing but the database, made anew on the queries of one transaction. */
  performersOn: (queries: Queries, records: Records) => Performers;
  changed: (teamId: string) => void;
};

/** Actions that run in one transaction, and the records as that transaction sees them. */
export type Together = {
  run: (request: Request) => Promise<Outcome>;
  records: Records;
  queries: Queries;
};

/** Runs actions, for every edge alike: find, authorise, check, then change or perform. */
export class Actions {
  readonly #parts: Parts;
  readonly #records: Records;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#records = new Records(parts.database, parts.known);
  }

  /** @throws KyozoError in the order: not found, forbidden, precondition, invalid, conflict */
  async run(request: Request): Promise<Outcome> {
    const { database, performers, changed } = this.#parts;
    const outcome = await perform(database, this.#records, performers, request);
    const actor = outcome.actor ?? request.actor;
    if (actor) changed(actor.teamId);
    return outcome;
  }

  /** Whether an action's work is of the database alone, so that it can be one part of a transaction. */
  joins(resource: Resource, action: string): boolean {
    const name = `${resource.type}.${action}`;
    const { performers, performersOn, database } = this.#parts;
    return !(name in performers) || name in performersOn(database, this.#records);
  }

  /** Runs what `work` asks for as one: all of it stands, or nothing does. */
  async together<Result>(
    actor: Actor,
    work: (together: Together) => Promise<Result>,
  ): Promise<Result> {
    const { database, known, performersOn, changed } = this.#parts;
    const result = await database.atomic(actor, (queries) => {
      const records = new Records(queries, known);
      const performers = performersOn(queries, records);
      const run = (request: Request) => {
        if (!this.joins(request.resource, request.action)) throw notTogether(request);
        return perform(queries, records, performers, request);
      };
      return work({ run, records, queries });
    });
    changed(actor.teamId);
    return result;
  }
}

async function perform(
  queries: Queries,
  records: Records,
  performers: Performers,
  { resource, action: name, actor, id, input: raw, client = nobody, precondition }: Request,
): Promise<Outcome> {
  const action = resource.actions[name]!;
  if (id !== undefined && !actor) throw new KyozoError('unauthenticated', 'Sign in first.');
  const record = id === undefined ? undefined : await records.one(actor!, resource, id);
  authorize(resource, name, actor, record && valuesOf(resource, record));
  if (record) await records.requireOpen(actor!, resource, record.id, action.allowedIn);
  const ifVersion = record && precondition?.(record.version);
  try {
    const input = parseInput(resource, action, raw);
    const performer = performers[`${resource.type}.${name}`] as Performer | undefined;
    const call = { actor: actor!, input, client, record, ifVersion };
    return await (performer ? performer(call) : change(queries, resource, name, action, call));
  } catch (error) {
    // What is wrong with an input is told to nobody whose credential has ended meanwhile.
    const isAboutInput = faultsOf(error)?.some(({ code }) => code === 'invalid');
    if (actor && isAboutInput) await queries.rows(actor, sql`select`);
    throw error;
  }
}

async function change(
  queries: Queries,
  resource: Resource,
  name: string,
  action: Action,
  call: Call,
): Promise<Outcome> {
  const id = call.record?.id ?? uuidv7();
  const made = changeOf(resource, name, id, call.input, call.actor, new Date().toISOString());
  const rows = await queries.text(call.actor, changeStatement(call.actor, made, call.ifVersion));
  if (!rows[0]) throw call.ifVersion === undefined ? notFound() : stale();
  return action.kind === 'destroy' ? {} : { row: rowOf({ resource, sort: [] }, rows[0]) };
}

const nobody: Client = { ip: '', userAgent: undefined };

const notTogether = ({ resource, action }: Request) =>
  new KyozoError(
    'forbidden',
    `${resource.type} cannot take part in one transaction with others: ${action} is done by itself.`,
  );

export const stale = () =>
  new KyozoError('precondition_failed', 'The record has changed since you read it.', {
    source: { header: 'If-Match' },
  });
