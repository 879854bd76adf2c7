import { parse as parseYaml } from 'yaml';
import { blocksOnly } from './syntax.ts';

/** What stands in front of a document: its source without the fences, and its values if YAML. */
export type FrontMatter = {
  source: string;
  format: 'yaml' | 'toml';
  data: Record<string, unknown>;
};

/** The front matter of a Markdown text, or null. Values that cannot be read are left out. */
export function frontMatter(text: string): FrontMatter | null {
  const clean = text.replace(/^\ufeff/, '');
  if (!/^(?:---|\+\+\+)/.test(clean)) return null;
  const [token] = blocksOnly.parse(clean, {});
  if (token?.type !== 'raw_block' || token.map?.[0] !== 0) return null;
  const source = token.content.split('\n').slice(1, -1).join('\n');
  if (token.content.startsWith('+++')) return { source, format: 'toml', data: {} };
  return { source, format: 'yaml', data: readYaml(source) };
}

function readYaml(source: string): Record<string, unknown> {
  try {
    const value: unknown = parseYaml(source, { maxAliasCount: 100 });
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}
