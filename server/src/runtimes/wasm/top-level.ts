/**
 * Makes a cell a script whose top-level names are global variables, so that a later cell sees them
 * and may declare them again, and whose awaits work: QuickJS has no such mode of its own.
 */
import { type Pattern, type Program, parse } from 'acorn';

type Statement = Program['body'][number];
type Edit = { start: number; end: number; text: string };

/** The rewritten source; unchanged when it does not parse, so that QuickJS names the mistake. */
export function toTopLevel(source: string): string {
  const plain = tryParse(source, false);
  if (plain) return apply(source, plain.body.flatMap(asGlobal));
  const awaiting = tryParse(source, true);
  return awaiting ? asAsync(source, awaiting.body) : source;
}

function tryParse(source: string, allowAwaitOutsideFunction: boolean): Program | undefined {
  try {
    return parse(source, {
      ecmaVersion: 'latest',
      sourceType: 'script',
      allowAwaitOutsideFunction,
    });
  } catch {
    return undefined;
  }
}

function asGlobal(statement: Statement): Edit[] {
  const { start, end } = statement;
  if (statement.type === 'ClassDeclaration') {
    return [insert(start, `var ${statement.id.name} = `), insert(end, ';')];
  }
  if (statement.type !== 'VariableDeclaration' || statement.kind === 'var') return [];
  return [{ start, end: start + statement.kind.length, text: 'var' }];
}

/** Names are declared outside, assigned inside; the last expression is what the promise gives. */
function asAsync(source: string, body: Statement[]): string {
  const names: string[] = [];
  const functions: string[] = [];
  const edits = body.flatMap((statement, at): Edit[] => {
    const { start, end } = statement;
    if (statement.type === 'FunctionDeclaration') {
      functions.push(source.slice(start, end));
      return [{ start, end, text: '' }];
    }
    if (statement.type === 'ClassDeclaration') {
      names.push(statement.id.name);
      return [insert(start, `${statement.id.name} = `), insert(end, ';')];
    }
    if (statement.type === 'VariableDeclaration') {
      const assigned = statement.declarations.map(({ id, init }) => {
        names.push(...namesIn(id));
        return init
          ? `(${source.slice(id.start, id.end)} = ${source.slice(init.start, init.end)});`
          : '';
      });
      return [{ start, end, text: `;${assigned.join(' ')}` }];
    }
    const last = statement.type === 'ExpressionStatement' && at === body.length - 1;
    return last ? [insert(start, 'return ')] : [];
  });
  const declared = names.length > 0 ? `var ${names.join(', ')};` : '';
  return `${declared}${functions.join('\n')}(async () => {${apply(source, edits)}\n})()`;
}

function namesIn(pattern: Pattern): string[] {
  if (pattern.type === 'Identifier') return [pattern.name];
  if (pattern.type === 'AssignmentPattern') return namesIn(pattern.left);
  if (pattern.type === 'RestElement') return namesIn(pattern.argument);
  if (pattern.type === 'ArrayPattern') {
    return pattern.elements.flatMap((element) => (element ? namesIn(element) : []));
  }
  if (pattern.type !== 'ObjectPattern') return [];
  return pattern.properties.flatMap((property) =>
    namesIn(property.type === 'RestElement' ? property.argument : property.value),
  );
}

function insert(at: number, text: string): Edit {
  return { start: at, end: at, text };
}

function apply(source: string, edits: Edit[]): string {
  let result = source;
  for (const { start, end, text } of edits.toReversed()) {
    result = result.slice(0, start) + text + result.slice(end);
  }
  return result;
}
