/** A language that cells run in. */
export type CellLanguage = 'bash' | 'python' | 'javascript' | 'typescript';

const names: Record<string, CellLanguage> = {
  ...{ bash: 'bash', sh: 'bash', shell: 'bash', zsh: 'bash' },
  ...{ python: 'python', py: 'python', python3: 'python' },
  ...{ javascript: 'javascript', js: 'javascript', node: 'javascript', mjs: 'javascript' },
  ...{ typescript: 'typescript', ts: 'typescript' },
};

/** The language that the word of a fence means; undefined for one that no cell runs in. */
export function cellLanguageOf(name: string | null): CellLanguage | undefined {
  const word = name?.toLowerCase() ?? '';
  return Object.hasOwn(names, word) ? names[word] : undefined;
}
