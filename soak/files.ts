import assert from 'node:assert/strict';
import type { Person, RecordObject } from '../server/test/support/api.ts';

/** A file as the API has acknowledged it; undefined content: it is in the trash. */
type State = { path: string; content: string | undefined };
type Entry = { id: string; state: State; next?: State };

/**
 * Somebody who writes files by API, one call after the other, and notes what was acknowledged. The one
 * call that a crash cut off may have happened or not; everything before it must be there.
 */
export class FileWriter {
  readonly #name: string;
  readonly #workspace: RecordObject;
  readonly #random: () => number;
  readonly #entries: Entry[] = [];
  #count = 0;
  /** Acknowledged writes. */
  written = 0;

  constructor(name: string, workspace: RecordObject, random: () => number) {
    this.#name = name;
    this.#workspace = workspace;
    this.#random = random;
  }

  /** Writes until the server is gone. */
  async writeUntil(person: Person, over: () => boolean): Promise<void> {
    while (!over()) {
      const went = await this.#write(person).catch((error: unknown) => {
        if (error instanceof assert.AssertionError) throw error;
        return false;
      });
      if (!went) return;
      this.written += 1;
    }
  }

  /** Asks for every file what it is now. @throws AssertionError for one that is not as it was acknowledged */
  async verify(person: Person): Promise<void> {
    for (const entry of this.#entries) {
      const found = await this.#find(person, entry);
      const allowed = entry.next ? [entry.state, entry.next] : [entry.state];
      const equal = allowed.some(
        (state) =>
          state.content === found.content &&
          (state.content === undefined || state.path === found.path),
      );
      assert.ok(equal, `${brief(found)} is none of ${allowed.map(brief)}`);
      entry.state = found;
      entry.next = undefined;
    }
  }

  /** What a clone must hold of this writer's: content by path. */
  get tree(): Map<string, string> {
    const there = this.#entries.filter(({ state }) => state.content !== undefined);
    return new Map(there.map(({ state }) => [state.path, state.content!]));
  }

  async #write(person: Person): Promise<boolean> {
    const dice = this.#random();
    const living = this.#entries.filter(({ state }) => state.content !== undefined);
    const entry = living[Math.floor(this.#random() * living.length)];
    if (!entry || (dice < 0.3 && living.length < 30)) return this.#create(person);
    if (dice < 0.7) {
      const content = this.#text();
      entry.next = { ...entry.state, content };
      const response = await person.fetch(`/files/${entry.id}/content`, {
        method: 'PUT',
        raw: content,
        headers: { 'content-type': 'text/plain' },
      });
      return this.#settle(entry, response.status, 200);
    }
    if (dice < 0.9) {
      const path = this.#path();
      entry.next = { ...entry.state, path };
      const record = { type: 'files', id: entry.id };
      const { status } = await person.patch(`/files/${entry.id}`, record, { path });
      return this.#settle(entry, status, 200);
    }
    entry.next = { ...entry.state, content: undefined };
    const { status } = await person.delete(`/files/${entry.id}`);
    return this.#settle(entry, status, 204);
  }

  async #create(person: Person): Promise<boolean> {
    const state = { path: this.#path(), content: this.#text() };
    const { id } = await person.file(this.#workspace, state.path, state.content);
    this.#entries.push({ id, state });
    return true;
  }

  /** A success is noted; an error while the server dies leaves open which of the two it is. */
  #settle(entry: Entry, status: number, expected: number): boolean {
    if (status >= 500) return false;
    assert.equal(status, expected);
    entry.state = entry.next!;
    entry.next = undefined;
    return true;
  }

  async #find(person: Person, { id, state }: Entry): Promise<State> {
    const { status, body } = await person.get(`/files/${id}`);
    assert.equal(status, 200, state.path);
    const { path, deletedAt } = body.data.attributes as { path: string; deletedAt: string | null };
    if (deletedAt) return { path, content: undefined };
    return { path, content: await (await person.fetch(`/files/${id}/content`)).text() };
  }

  #path = () => `${this.#name}/folder-${this.#count % 4}/file-${this.#count++}.txt`;
  #text = () => `${this.#count++}\n${'x'.repeat(Math.floor(this.#random() * 4_000))}\n`;
}

const brief = ({ path, content }: State) =>
  content === undefined
    ? `${path} in the trash`
    : `${path} with ${content.length} characters from "${content.slice(0, 10).trim()}" on`;
