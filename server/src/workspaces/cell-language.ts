import { cellLanguageOf } from '@kyozo/markdown';
import { invalid } from '@kyozo/resource';
import type { Language, Runtime } from '../runtimes/runtime.ts';

/** The language behind a fence's word. @throws KyozoError for one that nothing here runs */
export function languageOf(name: string, runtime: Runtime): Language {
  const language = cellLanguageOf(name);
  if (language && runtime.languages.includes(language)) return language;
  throw invalid(`Nothing here runs ${JSON.stringify(name.slice(0, 40))}.`);
}

/** Whether a fence's language is one that cells run in. */
export const isRunnable = (language: string): boolean => cellLanguageOf(language) !== undefined;
