/** Values at random for a JSON Schema: most of them fit, some are anything at all. */
export type Schema = {
  $ref?: string;
  type?: string | string[];
  format?: string;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  maxItems?: number;
  minimum?: number;
  maximum?: number;
};

export class Values {
  readonly #random: () => number;
  readonly #schemas: Record<string, Schema>;
  readonly #texts: readonly string[];
  /** Ids that records really have, which a `uuid` mostly is one of. */
  readonly ids: string[] = [];

  constructor(random: () => number, schemas: Record<string, Schema>, texts: readonly string[]) {
    this.#random = random;
    this.#schemas = schemas;
    this.#texts = texts;
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)]!;
  }

  /** What fits the schema, or with a small chance at each place something else. */
  of(schema: Schema, depth = 0): unknown {
    if (this.chance(0.06)) return this.anything(depth);
    const { $ref } = schema;
    if ($ref) return this.of(this.#schemas[$ref.split('/').at(-1)!] ?? {}, depth + 1);
    if (schema.const !== undefined) return schema.const;
    if (schema.enum) return this.pick(schema.enum);
    if (schema.anyOf) return this.of(this.pick(schema.anyOf), depth + 1);
    const type = Array.isArray(schema.type) ? this.pick(schema.type) : schema.type;
    switch (type) {
      case 'object':
        return this.#object(schema, depth);
      case 'array':
        return Array.from({ length: Math.floor(this.#random() * 3) }, () =>
          this.of(schema.items ?? {}, depth + 1),
        );
      case 'integer':
      case 'number':
        return Math.floor(this.#random() * 50) + (schema.minimum ?? 0);
      case 'boolean':
        return this.chance(0.5);
      case 'string':
        return this.text(schema);
      case 'null':
        return null;
      default:
        return this.anything(depth);
    }
  }

  text({ format }: Schema = {}): string {
    if (format === 'uuid') return this.ids.length > 0 ? this.pick(this.ids) : 'x';
    if (format === 'date-time') return new Date(this.#random() * 4e12).toISOString();
    if (format === 'email') return `${this.#random().toString(36).slice(2)}@example.com`;
    return this.chance(0.5) ? this.pick(this.#texts) : this.#random().toString(36).slice(2);
  }

  anything(depth = 0): unknown {
    const plain = [null, true, 0, -1, 1e308, 2 ** 53, '', 'x', this.pick(this.#texts)];
    if (depth > 3 || this.chance(0.7)) return this.pick(plain);
    if (this.chance(0.5)) return [this.anything(depth + 1), this.anything(depth + 1)];
    const name = this.pick([
      '__proto__',
      'constructor',
      'id',
      'type',
      'data',
      this.pick(this.#texts),
    ]);
    return JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(this.anything(depth + 1))}}`);
  }

  #object({ properties = {}, required = [] }: Schema, depth: number): unknown {
    const members = Object.entries(properties).filter(
      ([name]) => (required.includes(name) && !this.chance(0.03)) || this.chance(0.4),
    );
    if (this.chance(0.03)) members.push([this.pick(this.#texts), {}]);
    return Object.fromEntries(members.map(([name, schema]) => [name, this.of(schema, depth + 1)]));
  }
}
