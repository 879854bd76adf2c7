/** An update is no update, or of what no editor writes. */
export class BadUpdate extends Error {}
/** An update holds more than one may. */
export class TooMuch extends BadUpdate {}

export type Id = { client: number; clock: number };

/** What an item of an update brings, as far as a check asks. */
export type Item = Id & {
  length: number;
  /** How many bytes of the update it takes. */
  bytes: number;
  /** A root's name or a type's id; undefined where it is that of the neighbours. */
  parent: string | Id | undefined;
  /** The attribute that it is the value of. */
  key: string | undefined;
  left: Id | undefined;
  right: Id | undefined;
  content: Content;
};

export type Content =
  /** What was removed keeps its place, or not even that: then it is gone. */
  | { kind: 'text' | 'values' | 'deleted' | 'gone' }
  | { kind: 'format'; mark: string; value: unknown }
  /** An element has a name, a text has none. */
  | { kind: 'type'; name: string | undefined; type: number };

export type Update = {
  items: Item[];
  structs: number;
  /** Ranges of removed items. */
  removals: number;
  /** Where each client's structs end. */
  ends: Map<number, number>;
};

export type UpdateLimits = { structs: number; removals: number; clients: number };

/** Kinds of types, as updates number them. */
export const xmlElement = 3;
export const xmlText = 6;
const xmlHook = 5;
/** Kinds of structs that are no items: one in place of what is gone, and a gap. */
const [gone, skipped] = [0, 10];

/**
 * Reads an update in one pass without building anything of Yjs, and stops at the first that is over a
 * limit: Yjs itself takes seconds for a message of 10 MiB before it knows what it holds.
 * @param bytes an update in the first format (`UpdateEncoderV1` of yjs 13)
 * @throws BadUpdate
 */
export function readUpdate(bytes: Uint8Array, limits: UpdateLimits): Update {
  const reader = new Reader(bytes);
  const update: Update = { items: [], structs: 0, removals: 0, ends: new Map() };
  const clients = bounded(reader.number(), limits.clients, 'clients');
  for (let at = 0; at < clients; at++) readClient(reader, update, limits);
  const removers = bounded(reader.number(), limits.removals, 'removals');
  for (let at = 0; at < removers; at++) {
    reader.number();
    const ranges = reader.number();
    update.removals = bounded(update.removals + ranges, limits.removals, 'removals');
    for (let range = 0; range < ranges; range++) {
      reader.number();
      reader.number();
    }
  }
  return update;
}

/** The clients of a state vector. @throws BadUpdate when they are more than `most` */
export const clientsOf = (vector: Uint8Array, most: number): number =>
  bounded(new Reader(vector).number(), most, 'clients');

function bounded(count: number, most: number, what: string): number {
  if (count > most) throw new TooMuch(`More than ${most} ${what}.`);
  return count;
}

function readClient(reader: Reader, update: Update, limits: UpdateLimits): void {
  const count = reader.number();
  update.structs = bounded(update.structs + count, limits.structs, 'structs');
  const client = reader.number();
  let clock = reader.number();
  for (let at = 0; at < count; at++) {
    const info = reader.byte();
    const kind = info & 31;
    if (kind === skipped) clock += reader.number();
    else {
      const from = reader.at;
      const item = readItem(reader, info, { client, clock });
      item.bytes = 1 + reader.at - from;
      update.items.push(item);
      clock += item.length;
    }
  }
  if (!Number.isSafeInteger(clock)) throw new BadUpdate('A clock is out of range.');
  update.ends.set(client, Math.max(clock, update.ends.get(client) ?? 0));
}

function readItem(reader: Reader, info: number, id: Id): Item {
  if ((info & 31) === gone) {
    const nowhere = { left: undefined, right: undefined, parent: undefined, key: undefined };
    return { ...id, ...nowhere, bytes: 0, length: reader.number(), content: { kind: 'gone' } };
  }
  const left = info & 128 ? reader.id() : undefined;
  const right = info & 64 ? reader.id() : undefined;
  const isAlone = !left && !right;
  const parent = !isAlone ? undefined : reader.number() === 1 ? reader.text() : reader.id();
  const key = isAlone && info & 32 ? reader.text() : undefined;
  return { ...id, bytes: 0, left, right, parent, key, ...readContent(reader, info & 31) };
}

function readContent(reader: Reader, kind: number): Pick<Item, 'length' | 'content'> {
  switch (kind) {
    case 1:
      return { length: reader.number(), content: { kind: 'deleted' } };
    case 4:
      return { length: reader.text().length, content: { kind: 'text' } };
    case 6: {
      const mark = reader.text();
      return { length: 1, content: { kind: 'format', mark, value: reader.json() } };
    }
    case 7: {
      const type = reader.number();
      const name = type === xmlElement || type === xmlHook ? reader.text() : undefined;
      return { length: 1, content: { kind: 'type', type, name } };
    }
    case 8: {
      const length = reader.number();
      for (let at = 0; at < length; at++) reader.value(0);
      return { length, content: { kind: 'values' } };
    }
    default:
      // JSON, bytes, embedded objects, documents in documents: a text has none of them.
      throw new BadUpdate(`Content of the kind ${kind}.`);
  }
}

/** Reads lib0's notation. Past the end is a fault, not zero. */
export class Reader {
  static readonly #decoder = new TextDecoder();
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** How many bytes have been read. */
  get at(): number {
    return this.#at;
  }

  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new BadUpdate('It ends too early.');
    return byte;
  }

  number(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (value > Number.MAX_SAFE_INTEGER) throw new BadUpdate('A number is out of range.');
      if (byte < 128) return value;
    }
  }

  id(): Id {
    return { client: this.number(), clock: this.number() };
  }

  text(): string {
    return Reader.#decoder.decode(this.#take(this.number()));
  }

  json(): unknown {
    try {
      return JSON.parse(this.text());
    } catch (error) {
      if (error instanceof BadUpdate) throw error;
      throw new BadUpdate('A value is no JSON.');
    }
  }

  /** Passes an attribute's value: plain, or a short way deep. */
  value(depth: number): void {
    const kind = this.byte();
    if (kind === 125) this.number();
    else if (kind === 124) this.#take(4);
    else if (kind === 123) this.#take(8);
    else if (kind === 119) this.#take(this.number());
    else if ((kind === 117 || kind === 118) && depth < 3) {
      for (let left = this.number(); left > 0; left--) {
        if (kind === 118) this.text();
        this.value(depth + 1);
      }
    } else if (kind < 120 || kind === 122 || kind > 127)
      throw new BadUpdate('A value of an unknown kind.');
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new BadUpdate('It ends too early.');
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }
}
