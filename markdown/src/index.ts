export { type Cell, cells, parseAttributes } from './cells.ts';
export { type FrontMatter, frontMatter } from './front-matter.ts';
export type { Mark, Node } from './model.ts';
export { normalize } from './normalize.ts';
export { type Block, type Parsed, parse, type Range } from './parse.ts';
export { isMarkdown, languageOf } from './paths.ts';
export { type MarkName, type NodeName, schema } from './schema.ts';
export { serialize } from './serialize.ts';
export { parseSource, serializeSource } from './source.ts';
