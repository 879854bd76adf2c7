import { isUtf8 } from 'node:buffer';
import { extname } from 'node:path/posix';
import { fileTypeFromBuffer } from 'file-type';

export type ContentKind = { contentType: string; text: boolean; image: boolean; code: boolean };

const MARKUP: Record<string, string> = {
  '.md': 'text/markdown',
  '.markdown': 'text/markdown',
  '.livemd': 'text/markdown',
  '.csv': 'text/csv',
  '.tsv': 'text/tab-separated-values',
  '.ics': 'text/calendar',
  '.txt': 'text/plain',
  '.log': 'text/plain',
  '.svg': 'image/svg+xml',
  '.ipynb': 'application/x-ipynb+json',
};

const CODE: Record<string, string> = {
  '.html': 'text/html',
  '.htm': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.cjs': 'text/javascript',
  '.json': 'application/json',
  '.xml': 'application/xml',
  '.yaml': 'application/yaml',
  '.yml': 'application/yaml',
  '.toml': 'application/toml',
  '.sql': 'application/sql',
  '.sh': 'application/x-sh',
};

const OTHER_CODE = new Set(
  `.astro .awk .bash .bat .c .cc .clj .cljs .cmake .coffee .cpp .cr .cs .cxx .d .dart .diff .el .elm
  .erl .ex .exs .f90 .fish .fs .fsx .go .gql .gradle .graphql .groovy .h .hcl .heex .hpp .hrl .hs .ini
  .java .jl .jsonc .jsx .kt .kts .less .lisp .lua .m .mdx .ml .mli .mts .cts .nim .nix .pas .patch .php .pl
  .pm .proto .ps1 .py .pyi .r .rb .rkt .rs .sass .scala .scm .scss .svelte .swift .tcl .tex .tf .ts
  .tsx .v .vala .vb .vue .wat .zig .zsh`.split(/\s+/),
);

const CODE_NAMES =
  /^(dockerfile|makefile|gnumakefile|rakefile|gemfile|procfile|justfile|jenkinsfile|vagrantfile|cmakelists\.txt)$/i;

/**
 * What a file is, by its bytes; its name only tells kinds of text apart. An empty file is text.
 * `text` is valid UTF-8 without NUL that is no known binary format.
 */
export async function kindOf(path: string, bytes: Uint8Array): Promise<ContentKind> {
  if (isUtf8(bytes) && !bytes.includes(0)) return kindOfText(path);
  const found = await fileTypeFromBuffer(bytes);
  const contentType = found?.mime ?? 'application/octet-stream';
  return { contentType, text: false, image: contentType.startsWith('image/'), code: false };
}

function kindOfText(path: string): ContentKind {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const extension = extname(name).toLowerCase();
  const plain = { text: true, image: extension === '.svg', code: false };
  const markup = MARKUP[extension];
  if (markup) return { ...plain, contentType: markup };
  const code = CODE[extension] !== undefined || OTHER_CODE.has(extension) || CODE_NAMES.test(name);
  return { ...plain, contentType: CODE[extension] ?? 'text/plain', code };
}
