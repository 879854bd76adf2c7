import { isUtf8 } from 'node:buffer';
import { KyozoError } from '@kyozo/resource';
import { createTwoFilesPatch, diffArrays } from 'diff';
import type { Queries, Tenant } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { Located } from './content-store.ts';
import type { FileStore } from './file-store.ts';

/** A run of lines that one version brought, with their ends: `from` counts from 1. */
export type Brought = {
  from: number;
  count: number;
  text: string;
  version: number;
  message: string | null;
  authors: unknown;
  insertedAt: string;
};
type VersionRow = Omit<Brought, 'from' | 'count' | 'text' | 'insertedAt'> & {
  storage_backend: NonNullable<Located['storage_backend']>;
  address: string;
  size: number;
  inserted_at: Date;
};

const most = {
  /** Bytes of a text that is compared. */
  size: 1024 * 1024,
  /** Milliseconds that a comparison of two texts may hold up everyone else. */
  time: 250,
  /** Versions that a blame looks back through; what is older counts as the oldest of them. */
  versions: 500,
};

/** What changed between versions of a text, and which version each of its lines came with. */
export class History {
  readonly #database: Queries;
  readonly #files: FileStore;

  constructor(database: Queries, files: FileStore) {
    this.#database = database;
    this.#files = files;
  }

  /**
   * A unified diff between two versions of a file, empty when they are equal; version 0 is the empty text.
   * @throws KyozoError `not_found`, `invalid` for what is no text, `too_large`
   */
  async diff(reader: Tenant, fileId: string, from: number, to: number): Promise<string> {
    const row = await this.#files.find(reader, fileId);
    const [before, after] = await Promise.all(
      [from, to].map(async (version) =>
        version === 0 ? '' : this.#text(reader, await this.#files.versionOf(reader, row, version)),
      ),
    );
    if (before === after) return '';
    const names = { before: `version ${from}`, after: `version ${to}` };
    return patchOf(row.path, before!, after!, { ...names, isNew: from === 0 });
  }

  /** Which version each line of a version came with, newest by default, in the order of the text. */
  async blame(reader: Tenant, fileId: string, version?: number): Promise<Brought[]> {
    const row = await this.#files.find(reader, fileId);
    if (version !== undefined) await this.#files.versionOf(reader, row, version);
    const versions = await this.#database.rows<VersionRow>(
      reader,
      sql`select version, message, shown_authors(authors) as authors, storage_backend, address, size, inserted_at from file_versions
        where file_id = ${fileId} and version <= ${version ?? row.version}
        order by version desc limit ${most.versions}`,
    );
    const textOf = (it: VersionRow) =>
      this.#text(reader, { ...it, workspace_id: row.workspace_id });
    const lines = versions[0] ? linesOf(await textOf(versions[0])) : [];
    return runsOf(lines, await originsOf(versions, lines, textOf));
  }

  /** @throws KyozoError when the content is no text, or too much of it */
  async #text(reader: Tenant, located: Located): Promise<string> {
    const bytes = await this.#files.bytes(reader, located);
    if (bytes.length > most.size) {
      throw new KyozoError('too_large', 'Only texts of up to 1 MiB can be compared.');
    }
    if (!isUtf8(bytes) || bytes.includes(0)) {
      throw new KyozoError('invalid', 'Only texts can be compared line by line.');
    }
    return bytes.toString('utf8');
  }
}

/** What the two texts of a patch are called, and whether there is no file on one side. */
export type PatchSides = { before: string; after: string; isNew?: boolean; isGone?: boolean };

/** A unified diff of two texts of one file. @throws KyozoError `too_large` */
export function patchOf(path: string, before: string, after: string, sides: PatchSides): string {
  const options = { context: 3, timeout: most.time };
  const a = sides.isNew ? '/dev/null' : `a/${path}`;
  const b = sides.isGone ? '/dev/null' : `b/${path}`;
  const patch = createTwoFilesPatch(a, b, before, after, sides.before, sides.after, options);
  if (patch === undefined) throw tooDifferent();
  // The library puts a line of its own first, which only Subversion writes.
  return patch.slice(patch.indexOf('--- '));
}

/** Looks back from the newest version: a line that the one before has not, this one brought. */
async function originsOf<Version extends object>(
  versions: readonly Version[],
  newestLines: readonly string[],
  textOf: (version: Version) => Promise<string>,
): Promise<Version[]> {
  const [newest, ...older] = versions;
  if (!newest) return [];
  let lines = [...newestLines];
  const origins = lines.map(() => versions.at(-1)!);
  /** Where each line of the version looked at stands in the newest one, if it is still there. */
  let places: (number | undefined)[] = lines.map((_, at) => at);
  let current = newest;
  for (const version of older) {
    if (places.every((place) => place === undefined)) break;
    const before = linesOf(await textOf(version).catch(noText));
    const parts = diffArrays(before, lines, { timeout: most.time });
    if (!parts) throw tooDifferent();
    const kept: (number | undefined)[] = [];
    let at = 0;
    for (const { count, added, removed } of parts) {
      for (let line = 0; line < count; line++) {
        if (removed) kept.push(undefined);
        else if (added) settle(origins, places[at++], current);
        else kept.push(places[at++]);
      }
    }
    [lines, places, current] = [before, kept, version];
  }
  return origins;
}

/** Before it became a text, all of it was different. */
function noText(error: unknown): string {
  if (error instanceof KyozoError && ['invalid', 'too_large'].includes(error.code)) return '';
  throw error;
}

function settle<Version>(origins: Version[], place: number | undefined, version: Version): void {
  if (place !== undefined) origins[place] = version;
}

/** Lines with their ends, so that a last line without one is another line than with one. */
const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

function runsOf(lines: readonly string[], origins: readonly VersionRow[]): Brought[] {
  const runs: Brought[] = [];
  for (const [at, { version, message, authors, inserted_at }] of origins.entries()) {
    const last = runs.at(-1);
    const text = lines[at]!;
    if (last?.version === version) {
      last.count += 1;
      last.text += text;
    } else {
      const insertedAt = inserted_at.toISOString();
      runs.push({ from: at + 1, count: 1, text, version, message, authors, insertedAt });
    }
  }
  return runs;
}

const tooDifferent = () =>
  new KyozoError('too_large', 'These versions differ too much to be compared line by line.');
