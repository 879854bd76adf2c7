import { keys as keyTexts } from '../../../messages/keys.ts';

export type Level = 'none' | 'read' | 'write';
type Name = keyof typeof keyTexts.resources;

/** What a person chooses by, and the types of the API behind it. */
const types: Record<Name, readonly string[]> = {
  workspaces: ['workspaces'],
  files: ['files', 'file-versions'],
  notebooks: ['notebooks', 'tasks'],
  runs: ['task-runs', 'task-run-outputs'],
  people: ['teams', 'users', 'user-teams'],
  events: ['events'],
};

export type Chosen = Record<Name, Level>;
export const names = Object.keys(types) as Name[];
export const nothing = (): Chosen =>
  Object.fromEntries(names.map((name) => [name, 'none'])) as Chosen;

/** The scopes of the API for what was chosen. */
export function scopesOf(chosen: Chosen): string[] {
  return names.flatMap((name) =>
    chosen[name] === 'none' ? [] : types[name].map((type) => `${type}:${chosen[name]}`),
  );
}

/** What a key may do, in words; a scope that is none of ours stands as it is. */
export function inWords(scopes: readonly string[]): string {
  const texts = keyTexts;
  if (scopes.includes('write')) return texts.everything.write;
  const parts = names.flatMap((name) => {
    const has = (level: Level) => types[name].every((type) => scopes.includes(`${type}:${level}`));
    const what = texts.resources[name];
    return has('write') ? [texts.writes(what)] : has('read') ? [texts.reads(what)] : [];
  });
  const known = new Set(names.flatMap((name) => types[name]));
  const others = scopes.filter((scope) => scope.includes(':') && !known.has(scope.split(':')[0]!));
  const all = [...parts, ...others].join(', ');
  if (!scopes.includes('read')) return all.charAt(0).toUpperCase() + all.slice(1);
  return [texts.everything.read, all].filter(Boolean).join(', ');
}
