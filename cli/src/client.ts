import { openAsBlob } from 'node:fs';

/** Wrong usage or a setting that is missing: exit code 2. */
export class UsageError extends Error {}

type Linkage = { data: { type: string; id: string } };
export type RecordObject = {
  id: string;
  type: string;
  attributes: Record<string, unknown>;
  meta?: unknown;
};
export type Document<Data = RecordObject> = {
  data: Data;
  meta?: Record<string, unknown>;
  links?: { next?: string | null };
};

/** An answer that was not a success, in the server's own words. */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A small client of JSON:API; it waits and tries again when the server says so. */
export class Client {
  readonly #url: string;
  readonly #token: string | undefined;

  constructor(url: string, token: string | undefined) {
    this.#url = url.replace(/\/$/, '');
    this.#token = token;
  }

  /** The client of `KYOZO_URL` and `KYOZO_TOKEN`. @throws UsageError without a token */
  static fromEnvironment(environment: Readonly<Record<string, string | undefined>>): Client {
    if (!environment.KYOZO_TOKEN)
      throw new UsageError('Set KYOZO_TOKEN to an API key (`kyozo user create` makes one).');
    return new Client(serverUrl(environment), environment.KYOZO_TOKEN);
  }

  get<Data = RecordObject>(path: string): Promise<Document<Data>> {
    return this.#json('GET', path);
  }

  post(
    type: string,
    path: string,
    attributes: object,
    relationships?: Record<string, Linkage>,
  ): Promise<Document> {
    return this.#json('POST', path, JSON.stringify({ data: { type, attributes, relationships } }));
  }

  patch({ type, id }: RecordObject, attributes: object): Promise<Document> {
    const body = JSON.stringify({ data: { type, id, attributes } });
    return this.#json('PATCH', `/${type}/${id}`, body);
  }

  /** Replaces a file's content by that of a file on this machine, whatever its size. */
  async putContent(fileId: string, path: string): Promise<void> {
    const body = await openAsBlob(path);
    await this.#send('PUT', `/files/${fileId}/content`, body, 'application/octet-stream');
  }

  /** Sends a zip; answers the transfer that brings it in. */
  async importArchive(workspaceId: string, path: string): Promise<Document> {
    const body = await openAsBlob(path);
    const url = `/workspaces/${workspaceId}/import`;
    return (await (await this.#send('POST', url, body, 'application/zip')).json()) as Document;
  }

  /** A transfer once it has ended; `progress` is told of each look at it. */
  async ended(id: string, progress: (transfer: RecordObject) => void): Promise<RecordObject> {
    for (;;) {
      const { data } = await this.get(`/transfers/${id}`);
      progress(data);
      if (data.attributes.finishedAt !== null) return data;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  /** The bytes of an address, as they come. */
  async download(path: string): Promise<ReadableStream<Uint8Array>> {
    return (await this.#send('GET', path)).body!;
  }

  async content(fileId: string): Promise<Uint8Array> {
    return new Uint8Array(
      await (await this.#send('GET', `/files/${fileId}/content`)).arrayBuffer(),
    );
  }

  async #json<Data>(method: string, path: string, body?: string): Promise<Document<Data>> {
    const response = await this.#send(method, path, body, body && 'application/vnd.api+json');
    return (await response.json()) as Document<Data>;
  }

  async #send(
    method: string,
    path: string,
    body?: string | Blob,
    type?: string,
  ): Promise<Response> {
    const headers: Record<string, string> = {};
    if (type) headers['content-type'] = type;
    if (this.#token) headers.authorization = `Bearer ${this.#token}`;
    const url = path.startsWith('/api/') ? this.#url + path : `${this.#url}/api/v1${path}`;
    for (;;) {
      const response = await fetch(url, {
        method,
        headers,
        body: body as BodyInit | undefined,
      }).catch((cause: Error) => {
        throw new Error(
          `No server answers at ${this.#url} (${(cause.cause as Error | undefined)?.message ?? cause.message}).`,
        );
      });
      if (response.ok) return response;
      if (response.status !== 429) throw new ApiError(response.status, await explain(response));
      const seconds = Number(response.headers.get('retry-after') ?? 1);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    }
  }
}

export const serverUrl = (environment: Readonly<Record<string, string | undefined>>): string =>
  environment.KYOZO_URL || 'http://127.0.0.1:4000';

async function explain(response: Response): Promise<string> {
  const body = (await response.json().catch(() => undefined)) as
    | { errors?: { detail?: string }[] }
    | undefined;
  return (
    body?.errors?.map((error) => error.detail).join(' ') ??
    `The server answered ${response.status}.`
  );
}
