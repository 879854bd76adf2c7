import { type Query, type Relationship, type Resource, resourceOf } from '@kyozo/resource';
import DataLoader from 'dataloader';
import type { FastifyRequest } from 'fastify';
import type { Row } from '../../database/select.ts';
import type { PageOfRows } from '../../records.ts';
import { asActor, type Edge } from '../context.ts';

/** The attributes that an operation shows; all when undefined. */
export type Fields = ReadonlySet<string> | undefined;
/** A list below a record: `name` and `key` say which relationship and with what arguments. */
export type ListBelow = { relationship: Relationship; key: string; query: Query };

/**
 * What one operation reads, gathered: whatever its fields ask for in one turn is one statement a
 * kind, however many records it is asked of. Made anew for each operation, and each event of one.
 */
export class Loaders {
  readonly #edge: Edge;
  readonly #request: FastifyRequest;
  readonly #loaders = new Map<string, DataLoader<string, unknown>>();

  constructor(edge: Edge, request: FastifyRequest) {
    this.#edge = edge;
    this.#request = request;
  }

  /** A record by its id, or undefined. */
  record(resource: Resource, id: string, fields: Fields): Promise<Row | undefined> {
    const { records } = this.#edge;
    return this.#load(`record ${resource.type} ${keyOf(fields)}`, id, async (ids) => {
      const rows = await this.#as((actor) => records.byId(actor, resource, ids, fields));
      return new Map(rows.map((row) => [row.id, row]));
    });
  }

  /** The record that a parent has one of, or undefined. */
  one(relationship: Relationship, parent: string, fields: Fields): Promise<Row | undefined> {
    const { records } = this.#edge;
    const key = `one ${relationship.type} ${foreign(relationship)} ${keyOf(fields)}`;
    return this.#load(key, parent, async (parents) => {
      const rows = await this.#as((actor) => records.along(actor, relationship, parents, fields));
      return new Map(rows.map((row) => [row.parent!, row]));
    });
  }

  /** A page of what a parent has many of. */
  async page({ relationship, key, query }: ListBelow, parent: string): Promise<PageOfRows> {
    const { records } = this.#edge;
    const shown = keyOf(query.fields.get(query.resource.type));
    const name = `page ${relationship.type} ${foreign(relationship)} ${key} ${shown}`;
    const page = await this.#load(name, parent, (parents) =>
      this.#as((actor) => records.pages(actor, query, relationship, parents)),
    );
    return page!;
  }

  /** How many of them a parent has. */
  async count({ relationship, key, query }: ListBelow, parent: string): Promise<number> {
    const { records } = this.#edge;
    const name = `count ${relationship.type} ${foreign(relationship)} ${key}`;
    const count = await this.#load(name, parent, (parents) =>
      this.#as((actor) => records.counts(actor, query, relationship, parents)),
    );
    return count ?? 0;
  }

  #as<Result>(work: Parameters<typeof asActor<Result>>[2]): Promise<Result> {
    return asActor(this.#edge, this.#request, work);
  }

  #load<Value>(
    name: string,
    id: string,
    read: (ids: readonly string[]) => Promise<ReadonlyMap<string, Value>>,
  ): Promise<Value | undefined> {
    let loader = this.#loaders.get(name);
    if (!loader) {
      loader = new DataLoader<string, unknown>(async (ids) => {
        const found = await read(ids);
        return ids.map((id) => found.get(id));
      });
      this.#loaders.set(name, loader);
    }
    return loader.load(id) as Promise<Value | undefined>;
  }
}

const keyOf = (fields: Fields) => (fields ? [...fields].join(',') : '*');
const foreign = (relationship: Relationship) =>
  relationship.kind === 'many-through'
    ? `${relationship.through}.${relationship.field}`
    : relationship.field;

export const targetOf = (edge: Edge, relationship: Relationship): Resource =>
  resourceOf(edge.known, relationship.type);
