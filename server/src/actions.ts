import {
  type Action,
  type Actor,
  authorize,
  changeOf,
  type Input,
  KyozoError,
  notFound,
  parseInput,
  type RawInput,
  type Resource,
} from '@kyozo/resource';
import { v7 as uuidv7 } from 'uuid';
import type { Database } from './database/database.ts';
import { type Row, rowOf } from './database/select.ts';
import { changeStatement } from './database/write.ts';
import { type Records, valuesOf } from './records.ts';

export type Call = { actor: Actor; input: Input; record?: Row; ifVersion?: string };
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
  /** The record's version that the caller has seen; a later one refuses the action. */
  ifVersion?: string;
};

/** Runs actions, for every edge alike: find, authorise, check, then change or perform. */
export class Actions {
  readonly #database: Database;
  readonly #records: Records;
  readonly #performers: Performers;
  readonly #changed: (teamId: string) => void;

  constructor(
    database: Database,
    records: Records,
    performers: Performers,
    changed: (teamId: string) => void,
  ) {
    this.#database = database;
    this.#records = records;
    this.#performers = performers;
    this.#changed = changed;
  }

  /** @throws KyozoError in the order: not found, forbidden, precondition, invalid, conflict */
  async run(request: Request): Promise<Outcome> {
    const { resource, action: name, actor, id } = request;
    const action = resource.actions[name]!;
    if (id !== undefined && !actor) throw new KyozoError('unauthenticated', 'Sign in first.');
    const record = id === undefined ? undefined : await this.#records.one(actor!, resource, id);
    authorize(resource, name, actor, record && valuesOf(resource, record));
    if (record && request.ifVersion !== undefined && request.ifVersion !== record.version) {
      throw stale();
    }
    const input = parseInput(resource, action, request.input);
    const performer = this.#performers[`${resource.type}.${name}`] as Performer | undefined;
    const call = { actor: actor!, input, record, ifVersion: request.ifVersion };
    const outcome = performer
      ? await performer(call)
      : await this.#change(resource, name, action, call);
    const changed = outcome.actor ?? actor;
    if (changed) this.#changed(changed.teamId);
    return outcome;
  }

  async #change(resource: Resource, name: string, action: Action, call: Call): Promise<Outcome> {
    const id = call.record?.id ?? uuidv7();
    const change = changeOf(resource, name, id, call.input, call.actor, new Date().toISOString());
    const rows = await this.#database.text(
      call.actor,
      changeStatement(call.actor, change, call.ifVersion),
    );
    if (!rows[0]) throw call.ifVersion === undefined ? notFound() : stale();
    return action.kind === 'destroy' ? {} : { row: rowOf({ resource, sort: [] }, rows[0]) };
  }
}

export const stale = () =>
  new KyozoError('precondition_failed', 'The record has changed since you read it.', {
    source: { header: 'If-Match' },
  });
