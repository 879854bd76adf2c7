import { randomBytes } from 'node:crypto';

export type Identifier = { type: string; id: string };
export type RecordObject = Identifier & {
  attributes: Record<string, unknown>;
  relationships: Record<string, { data?: Identifier | Identifier[] | null }>;
};
export type Answer<Data = RecordObject> = {
  status: number;
  headers: Headers;
  body: {
    data: Data;
    included?: RecordObject[];
    errors: {
      status: string;
      code: string;
      detail: string;
      source?: { pointer?: string; parameter?: string; header?: string };
    }[];
    meta: Record<string, unknown>;
    links: Record<string, string | null>;
    jsonapi: { version: string };
  };
};
type Options = {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  raw?: string | Uint8Array;
};

const mediaType = 'application/vnd.api+json';

/** A person at the API: a thin client that hides nothing of the answer. */
export class Person {
  readonly url: string;
  readonly token: string | undefined;
  readonly id: string;
  readonly email: string;
  readonly refreshToken: string | undefined;

  constructor(
    url: string,
    token?: string,
    more: { id?: string; email?: string; refreshToken?: string } = {},
  ) {
    this.url = url;
    this.token = token;
    this.id = more.id ?? '';
    this.email = more.email ?? '';
    this.refreshToken = more.refreshToken;
  }

  async request<Data = RecordObject>(path: string, options: Options = {}): Promise<Answer<Data>> {
    const response = await this.fetch(path, options);
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
  }

  fetch(
    path: string,
    { method = 'GET', body, headers = {}, raw }: Options = {},
  ): Promise<Response> {
    const all: Record<string, string> = { ...headers };
    if (this.token) all.authorization ??= `Bearer ${this.token}`;
    if (body !== undefined) all['content-type'] ??= mediaType;
    const url =
      path.startsWith('/api/') || path.startsWith('/health')
        ? this.url + path
        : `${this.url}/api/v1${path}`;
    return fetch(url, {
      method,
      headers: all,
      body: (raw ?? (body === undefined ? undefined : JSON.stringify(body))) as BodyInit,
    });
  }

  get<Data = RecordObject>(path: string, headers?: Record<string, string>): Promise<Answer<Data>> {
    return this.request<Data>(path, { headers });
  }

  post(
    path: string,
    type: string,
    attributes: object = {},
    relationships?: Record<string, { data: Identifier | null }>,
  ): Promise<Answer> {
    return this.request(path, {
      method: 'POST',
      body: { data: { type, attributes, relationships } },
    });
  }

  patch(
    path: string,
    record: Identifier,
    attributes: object,
    headers?: Record<string, string>,
  ): Promise<Answer> {
    return this.request(path, {
      method: 'PATCH',
      headers,
      body: { data: { type: record.type, id: record.id, attributes } },
    });
  }

  delete(path: string): Promise<Answer> {
    return this.request(path, { method: 'DELETE' });
  }

  async workspace(name = `Workspace ${randomBytes(4).toString('hex')}`): Promise<RecordObject> {
    return (await this.post('/workspaces', 'workspaces', { name })).body.data;
  }

  async file(workspace: Identifier, path: string, content?: string): Promise<RecordObject> {
    const relationships = { workspace: { data: { type: 'workspaces', id: workspace.id } } };
    const answer = await this.post(
      '/files',
      'files',
      content === undefined ? { path } : { path, content },
      relationships,
    );
    if (answer.status !== 201)
      throw new Error(`file ${path}: ${JSON.stringify(answer.body.errors)}`);
    return answer.body.data;
  }

  async graphql<Data = Record<string, unknown>>(
    query: string,
    variables?: object,
  ): Promise<{ data: Data; errors?: { message: string }[] }> {
    const headers = { 'content-type': 'application/json' };
    const response = await this.fetch('/api/graphql', {
      method: 'POST',
      headers,
      raw: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as { data: Data; errors?: { message: string }[] };
  }

  /** A program with a key of this person's, in the person's own team. */
  async key(...scopes: string[]): Promise<Person> {
    const { body } = await this.post('/api-keys', 'api-keys', { name: 'test', scopes });
    return new Person(this.url, body.meta.key as string, { id: this.id });
  }
}

/** A new person with an account. */
export async function register(url: string, name = 'Ann'): Promise<Person> {
  const email = `${randomBytes(8).toString('hex')}@example.com`;
  const password = 'correct horse battery';
  const { status, body } = await new Person(url).post('/users/register', 'users', {
    name,
    email,
    password,
  });
  if (status !== 201) throw new Error(`register: ${status} ${JSON.stringify(body.errors)}`);
  const { accessToken, refreshToken } = body.meta as Record<string, string>;
  return new Person(url, accessToken, { id: body.data.id, email, refreshToken });
}
