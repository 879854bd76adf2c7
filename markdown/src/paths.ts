const markdown = new Set(['md', 'mdx', 'mdi', 'mdr', 'run', 'runme', 'dag']);

const languages: Record<string, string> = {
  bash: 'bash',
  bat: 'bat',
  c: 'c',
  cc: 'cpp',
  cjs: 'javascript',
  clj: 'clojure',
  conf: 'ini',
  cpp: 'cpp',
  cs: 'csharp',
  css: 'css',
  dart: 'dart',
  diff: 'diff',
  dockerfile: 'dockerfile',
  ex: 'elixir',
  exs: 'elixir',
  erl: 'erlang',
  fish: 'bash',
  go: 'go',
  gql: 'graphql',
  graphql: 'graphql',
  h: 'c',
  hpp: 'cpp',
  hs: 'haskell',
  html: 'xml',
  ini: 'ini',
  ipynb: 'json',
  java: 'java',
  jl: 'julia',
  js: 'javascript',
  json: 'json',
  jsonl: 'json',
  jsx: 'javascript',
  kt: 'kotlin',
  less: 'less',
  lua: 'lua',
  makefile: 'makefile',
  mjs: 'javascript',
  mk: 'makefile',
  mts: 'typescript',
  patch: 'diff',
  php: 'php',
  pl: 'perl',
  ps1: 'powershell',
  py: 'python',
  r: 'r',
  rb: 'ruby',
  rs: 'rust',
  sass: 'scss',
  scala: 'scala',
  scss: 'scss',
  sh: 'bash',
  sql: 'sql',
  svelte: 'xml',
  svg: 'xml',
  swift: 'swift',
  toml: 'ini',
  ts: 'typescript',
  tsx: 'typescript',
  vue: 'xml',
  xml: 'xml',
  yaml: 'yaml',
  yml: 'yaml',
  zsh: 'bash',
};

/** Whether a file is a Markdown document, by its name's ending in any case. */
export function isMarkdown(path: string): boolean {
  return /\.[^./\\]+$/.test(path) && markdown.has(ending(path));
}

/** The language of a source file by its name, or null: plain text. */
export function languageOf(path: string): string | null {
  if (isMarkdown(path)) return 'markdown';
  const found = Object.hasOwn(languages, ending(path)) ? languages[ending(path)] : undefined;
  return found ?? null;
}

const ending = (path: string): string =>
  (path.split(/[/\\]/).at(-1) ?? '').split('.').at(-1)!.toLowerCase();
