import type { Random } from './random.ts';

type State = { path: string; content: string; deleted: boolean };
/** A file as it was acknowledged, and what was under way when the answer did not come. */
type Entry = { id: string; known: State; attempted: State | undefined };
export type Account = { url: string; token: string; workspaceId: string };

/** Writes files through the API and keeps a ledger of what was answered with 2xx. */
export class ApiWriter {
  readonly #name: string;
  readonly #random: Random;
  readonly #entries: Entry[] = [];
  #count = 0;

  constructor(name: string, random: Random) {
    this.#name = name;
    this.#random = random;
  }

  get files(): number {
    return this.#entries.length;
  }

  /** Writes one after the other until a request fails, because the server is gone. */
  async write(account: Account): Promise<number> {
    for (let acknowledged = 0; ; acknowledged++) {
      const went = await this.#step(account).catch(() => false);
      if (!went) return acknowledged;
    }
  }

  /** Checks every file: what was acknowledged is there, or what was under way. @throws Error */
  async verify(account: Account): Promise<void> {
    for (const entry of this.#entries) {
      const found = await this.#read(account, entry.id);
      const allowed = [entry.known, entry.attempted].filter((state) => state !== undefined);
      const fits = allowed.find((state) => JSON.stringify(state) === JSON.stringify(found));
      if (!fits) {
        throw new Error(
          `${entry.id} is ${JSON.stringify(found)}, but was acknowledged as ${JSON.stringify(entry.known)}`,
        );
      }
      entry.known = fits;
      entry.attempted = undefined;
    }
  }

  /** The files that a clone must hold, by path. */
  present(): Map<string, string> {
    return new Map(
      this.#entries
        .filter(({ known }) => !known.deleted)
        .map(({ known }) => [known.path, known.content]),
    );
  }

  async #step(account: Account): Promise<boolean> {
    const chance = this.#random.next();
    const live = this.#entries.filter(({ known }) => !known.deleted);
    if (chance < 0.4 || live.length === 0) return this.#create(account);
    const entry = this.#random.pick(live);
    if (chance < 0.75) return this.#put(account, entry);
    if (chance < 0.9) return this.#rename(account, entry);
    return this.#delete(account, entry);
  }

  async #create(account: Account): Promise<boolean> {
    const known = { path: this.#path(), content: this.#content(), deleted: false };
    const relationships = { workspace: { data: { type: 'workspaces', id: account.workspaceId } } };
    const body = {
      data: {
        type: 'files',
        attributes: { path: known.path, content: known.content },
        relationships,
      },
    };
    const answer = await send(account, 'POST', '/files', body);
    if (answer.status !== 201) throw new Error(`create answered ${answer.status}`);
    const { data } = (await answer.json()) as { data: { id: string } };
    this.#entries.push({ id: data.id, known, attempted: undefined });
    return true;
  }

  #put(account: Account, entry: Entry): Promise<boolean> {
    const next = { ...entry.known, content: this.#content() };
    return this.#attempt(entry, next, () =>
      send(account, 'PUT', `/files/${entry.id}/content`, next.content),
    );
  }

  #rename(account: Account, entry: Entry): Promise<boolean> {
    const next = { ...entry.known, path: this.#path() };
    const body = { data: { type: 'files', id: entry.id, attributes: { path: next.path } } };
    return this.#attempt(entry, next, () => send(account, 'PATCH', `/files/${entry.id}`, body));
  }

  #delete(account: Account, entry: Entry): Promise<boolean> {
    const next = { ...entry.known, deleted: true };
    return this.#attempt(entry, next, () => send(account, 'DELETE', `/files/${entry.id}`));
  }

  async #attempt(entry: Entry, next: State, request: () => Promise<Response>): Promise<boolean> {
    entry.attempted = next;
    const answer = await request();
    if (!answer.ok) throw new Error(`a write answered ${answer.status}`);
    entry.known = next;
    entry.attempted = undefined;
    return true;
  }

  async #read(account: Account, id: string): Promise<State> {
    const record = await send(account, 'GET', `/files/${id}`);
    const { data } = (await record.json()) as {
      data: { attributes: { path: string; deletedAt: string | null } };
    };
    const content = await (await send(account, 'GET', `/files/${id}/content`)).text();
    return { path: data.attributes.path, content, deleted: data.attributes.deletedAt !== null };
  }

  #path(): string {
    return `${this.#name}/${this.#random.pick(['a', 'b', 'c/d'])}/${this.#count++}.md`;
  }

  #content(): string {
    return `# ${this.#name} ${this.#count++}\n\n${'word '.repeat(this.#random.between(0, 400))}\n`;
  }
}

export function send(
  account: Account,
  method: string,
  path: string,
  body?: object | string,
): Promise<Response> {
  const headers: Record<string, string> = {};
  if (account.token) headers.authorization = `Bearer ${account.token}`;
  if (body !== undefined)
    headers['content-type'] =
      typeof body === 'string' ? 'text/markdown' : 'application/vnd.api+json';
  return fetch(`${account.url}/api/v1${path}`, {
    method,
    headers,
    body: typeof body === 'string' || body === undefined ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
}
