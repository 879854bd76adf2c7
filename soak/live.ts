import assert from 'node:assert/strict';
import { Editor, pause } from '../server/test/collaboration/editor.ts';
import type { Person } from '../server/test/support/api.ts';

/**
 * A document that several type into, and the words of it that were acknowledged: every one of them
 * must be there after a crash, none twice.
 */
export class LiveFile {
  readonly id: string;
  readonly #acknowledged = new Set<string>();
  readonly #typed = new Set<string>();
  #count = 0;

  constructor(id: string) {
    this.id = id;
  }

  get acknowledged(): number {
    return this.#acknowledged.size;
  }

  /** Somebody who sits down at the document; what they type counts once the server says it is saved. */
  sit(url: string, token: string): Editor {
    return new Editor(url, token, this.id);
  }

  /** Types until the end, a word at a time. */
  async typeUntil(editor: Editor, random: () => number, over: () => boolean): Promise<void> {
    const unsaved: string[] = [];
    editor.provider.on('unsyncedChanges', () => {
      if (editor.isSaved) for (const word of unsaved.splice(0)) this.#acknowledged.add(word);
    });
    while (!over()) {
      await pause(random() * 15);
      if (editor.text === '' || over()) continue;
      const word = this.#word();
      unsaved.push(word);
      editor.type(word, random());
    }
  }

  /** Appends lines by API to what it has read, as a program does. */
  async appendUntil(person: Person, random: () => number, over: () => boolean): Promise<void> {
    while (!over()) {
      await pause(random() * 60);
      const word = this.#word();
      const read = await person.fetch(`/files/${this.id}/content`).catch(() => undefined);
      const text = await read?.text().catch(() => undefined);
      if (read?.status !== 200 || text === undefined) return;
      const headers = { 'content-type': 'text/plain', 'if-match': read.headers.get('etag')! };
      const raw = `${text}\n${word}\n`;
      const path = `/files/${this.id}/content`;
      const put = await person.fetch(path, { method: 'PUT', raw, headers }).catch(() => undefined);
      if (put?.status === 200) this.#acknowledged.add(word);
    }
  }

  /** @throws AssertionError when an acknowledged word is missing or any is there twice */
  verify(text: string, where: string): void {
    const found: string[] = text.match(/\bw\d+\b/g) ?? [];
    const missing = [...this.#acknowledged].filter((word) => !found.includes(word));
    assert.deepEqual(missing, [], `acknowledged words are missing in ${where}`);
    const twice = found.filter((word, at) => found.indexOf(word) !== at);
    assert.deepEqual(twice, [], `words are twice in ${where}`);
    const strange = found.filter((word) => !this.#typed.has(word));
    assert.deepEqual(strange, [], `words that nobody typed are in ${where}`);
    // What has survived without an acknowledgement has to stay from now on.
    for (const word of found) this.#acknowledged.add(word);
  }

  #word(): string {
    const word = `w${this.#count++}`;
    this.#typed.add(word);
    return word;
  }
}
