import pg from 'pg';
import { serialize } from 'pg-protocol';

/** A prepared statement with its parameters. `name` must be unique to the text. */
export type Statement = { name: string; text: string; values: readonly unknown[] };
/** Rows as PostgreSQL sent them: an array a row, every value as its text. */
export type TextRow = readonly (string | null)[];

/** The part of pg's connection that a submittable uses; pg exports no type for it. */
type Wire = {
  parsedStatements: Record<string, string | undefined>;
  stream: { write(bytes: Buffer): void; cork(): void; uncork(): void; writableCorked: number };
};

/** pg's own query, with the message handlers that its typings leave out. */
const Query = pg.Query as unknown as new (
  text: string,
  values: readonly unknown[],
  callback: (error: Error | null, result: { rows: never[] }) => void,
) => {
  /** Where pg would set its own parsers, unless there are some. */
  _result: { _types: typeof asValues | undefined };
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, wire: unknown): void;
  handleError(error: Error, wire: unknown): void;
};

const asValues = {
  getTypeParser: (oid: number, format?: 'text') =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format),
};
/** Rows as arrays of text, the quick way; or as objects of JavaScript values. */
export type Shape = 'text' | 'objects';

/**
 * Several prepared statements before one `Sync`, so that PostgreSQL runs them as one implicit
 * transaction in one round trip: a tenant's `enter(…)`, then the real statement. What `enter` sets is
 * local to that transaction, so the unit may share a pipelined connection with other teams'.
 * The result is that of the last statement; an error rolls back this unit only.
 *
 * It leans on pg's `Query` as of pg 8.23 (its submittable seam), hence pg's exact pin and the
 * isolation proof in the tests.
 */
class Flight extends Query {
  readonly #statements: readonly Statement[];
  readonly #reject: (error: Error) => void;
  readonly #shape: Shape;
  /** The last statement's rows as they came, when they are wanted as text. */
  readonly #texts: TextRow[] = [];
  #completed = 0;
  #parsing: string[] = [];

  constructor(
    statements: readonly Statement[],
    shape: Shape,
    resolve: (rows: never[]) => void,
    reject: (error: Error) => void,
  ) {
    const last = statements.at(-1)!;
    super(last.text, last.values, (error, result) =>
      error ? reject(error) : resolve(shape === 'text' ? (this.#texts as never[]) : result.rows),
    );
    this._result._types = asValues;
    this.#shape = shape;
    this.#statements = statements;
    this.#reject = reject;
  }

  submit(wire: Wire): null {
    const messages: Buffer[] = [];
    try {
      // All are parsed before any is run: what `enter` refuses must not leave a later statement
      // unprepared while the next unit on this connection already counts on it.
      for (const statement of this.#statements) this.#parse(wire, statement, messages);
      for (const statement of this.#statements) this.#run(statement, messages);
    } catch (error) {
      // A parameter that could not be written: the unit does nothing, and the connection lives.
      for (const name of this.#parsing) wire.parsedStatements[name] = undefined;
      messages.length = 0;
      process.nextTick(() => this.#reject(error as Error));
    }
    messages.push(serialize.sync());
    // One buffer a unit, and one write for the units of a turn of the event loop: under load the
    // system call was the largest single cost of a read.
    if (!wire.stream.writableCorked) {
      wire.stream.cork();
      setImmediate(() => wire.stream.uncork());
    }
    wire.stream.write(Buffer.concat(messages));
    return null;
  }

  override handleDataRow(message: { fields: (string | null)[] }): void {
    if (this.#completed !== this.#statements.length - 1) return;
    if (this.#shape === 'text') this.#texts.push(message.fields);
    else super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, wire: Wire): void {
    this.#completed += 1;
    if (this.#completed === this.#statements.length) super.handleCommandComplete(message, wire);
  }

  override handleError(error: Error, wire: Wire): void {
    // Whether a failed unit's statements were prepared is not known: close and parse them anew.
    for (const name of this.#parsing) wire.parsedStatements[name] = undefined;
    super.handleError(error, wire);
  }

  #parse(wire: Wire, { name, text }: Statement, messages: Buffer[]): void {
    if (wire.parsedStatements[name] === text) return;
    messages.push(serialize.close({ type: 'S', name }), serialize.parse({ text, name }));
    wire.parsedStatements[name] = text;
    this.#parsing.push(name);
  }

  #run(statement: Statement, messages: Buffer[]): void {
    const values = statement.values as unknown[];
    messages.push(serialize.bind({ statement: statement.name, values, valueMapper }));
    // Text needs no description of its columns.
    if (this.#shape === 'objects' && statement === this.#statements.at(-1)) {
      messages.push(serialize.describe({ type: 'P' }));
    }
    messages.push(serialize.execute({}));
  }
}

/** Sends a unit on a connection and answers the rows of its last statement. */
export function fly<Row>(
  client: pg.ClientBase,
  statements: readonly Statement[],
  shape: Shape,
): Promise<Row[]> {
  return new Promise<Row[]>((resolve, reject) => {
    client.query(new Flight(statements, shape, resolve, reject) as unknown as pg.Submittable);
  });
}

/** Bytes and text go as they are, arrays in PostgreSQL's notation, the rest as JSON or text. */
function valueMapper(value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value;
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return arrayText(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const arrayText = (items: readonly unknown[]): string =>
  `{${items.map((item) => (item === null ? 'null' : JSON.stringify(String(item)))).join(',')}}`;
