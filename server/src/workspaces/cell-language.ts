import { invalid } from '@kyozo/resource';
import type { Language, Runtime } from '../runtimes/runtime.ts';

const aliases: Record<string, Language> = {
  ...{ bash: 'bash', sh: 'bash', shell: 'bash', zsh: 'bash' },
  ...{ python: 'python', py: 'python', python3: 'python' },
  ...{ javascript: 'javascript', js: 'javascript', node: 'javascript', mjs: 'javascript' },
  ...{ typescript: 'typescript', ts: 'typescript' },
};

/** The language behind a fence's word. @throws KyozoError for one that nothing here runs */
export function languageOf(name: string, runtime: Runtime): Language {
  const language = Object.hasOwn(aliases, name.toLowerCase()) && aliases[name.toLowerCase()];
  if (language && runtime.languages.includes(language)) return language;
  throw invalid(`Nothing here runs ${JSON.stringify(name.slice(0, 40))}.`);
}

/** Whether a fence's language is one that cells run in. */
export const isRunnable = (language: string): boolean =>
  Object.hasOwn(aliases, language.toLowerCase());
