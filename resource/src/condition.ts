/** The operators of the filter language, as they are written in a query. */
export const operators = [
  'eq',
  'not_eq',
  'in',
  'lt',
  'lte',
  'gt',
  'gte',
  'is_nil',
  'contains',
  'starts_with',
] as const;
export type Operator = (typeof operators)[number];

/**
 * A condition on records of one resource: what a filter and a policy turn into. The server compiles
 * it to SQL; nothing else understands it.
 */
export type Condition =
  | { kind: 'constant'; value: boolean }
  | { kind: 'and' | 'or'; of: readonly Condition[] }
  | { kind: 'not'; of: Condition }
  | { kind: 'compare'; field: string; operator: Operator; value: unknown }
  | { kind: 'related'; relationship: string; where: Condition };

export const always: Condition = { kind: 'constant', value: true };
export const never: Condition = { kind: 'constant', value: false };

export const equals = (field: string, value: unknown): Condition => ({
  kind: 'compare',
  field,
  operator: 'eq',
  value,
});

/** All of the conditions; drops what is always true. */
export function every(...conditions: readonly (Condition | undefined)[]): Condition {
  const of = conditions.filter(
    (condition): condition is Condition =>
      condition !== undefined && !(condition.kind === 'constant' && condition.value),
  );
  return of.length === 0 ? always : of.length === 1 ? of[0]! : { kind: 'and', of };
}

/** Whether a field of the record itself is named anywhere in the condition. */
export function mentions(condition: Condition, field: string): boolean {
  switch (condition.kind) {
    case 'constant':
    case 'related':
      return false;
    case 'compare':
      return condition.field === field;
    case 'not':
      return mentions(condition.of, field);
    default:
      return condition.of.some((part) => mentions(part, field));
  }
}
