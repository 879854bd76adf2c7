import { connection } from './connection.svelte.ts';
import { ApiError, OfflineError } from './errors.ts';
import { type Answer, type Draft, deserialise, mediaType, serialise } from './json-api.ts';
import { tokens } from './tokens.ts';

const base = '/api/v1';
const pageSize = 100;
const deviceKey = 'kyozo.device';

type Scope = {
  teamId: string | null;
  onRefused: () => void;
  prove: () => Promise<boolean>;
};
/** The team that every request acts in; null is the personal team. */
export const scope: Scope = {
  teamId: null,
  /** Called when the person is signed in, but no member of the team any more. */
  onRefused: () => {},
  /** Asks the person to show once more that it is them; resolves to whether they did. */
  prove: async () => false,
};

type Options = {
  method?: string;
  headers?: Record<string, string>;
  body?: BodyInit;
  keepalive?: boolean;
  signal?: AbortSignal | undefined;
  /** Acts in the person's own team, whichever they look at: for what belongs to no team. */
  personal?: boolean;
  /** False where the tokens are being replaced: a refusal stands as it is. */
  renews?: boolean;
};

/** Reads one record or one page. */
export async function read<Data>(
  path: string,
  how: AbortSignal | Pick<Options, 'personal'> = {},
): Promise<Answer<Data>> {
  const options = how instanceof AbortSignal ? { signal: how } : how;
  const response = await send(path, { headers: { accept: mediaType }, ...options });
  return deserialise<Data>(await response.json());
}

/** Reads every page of a list, in the server's order. */
export async function readAll<Item>(path: string, signal?: AbortSignal): Promise<Item[]> {
  const items: Item[] = [];
  let next: string | null = `${path}${path.includes('?') ? '&' : '?'}page[size]=${pageSize}`;
  while (next !== null) {
    const page: Answer<Item[]> = await read(next, signal);
    items.push(...page.data);
    next = page.next && relative(page.next);
  }
  return items;
}

/** Sends a record; resolves to the answer, whose data is undefined when there is none. */
export async function write<Data>(
  method: string,
  path: string,
  draft?: Draft,
  options: Pick<Options, 'personal' | 'renews'> = {},
): Promise<Answer<Data>> {
  const response = await send(path, {
    ...options,
    method,
    headers: { accept: mediaType, ...(draft && { 'content-type': mediaType }) },
    ...(draft && { body: serialise(draft) }),
  });
  const text = response.status === 204 ? '' : await response.text();
  return deserialise<Data>(text ? JSON.parse(text) : {});
}

/**
 * Sends a request as the signed-in user; one expired token is renewed without a word, and a proof that
 * is asked for is given first.
 */
export async function send(path: string, options: Options = {}): Promise<Response> {
  const token = await tokens.fresh();
  const first = await attempt(path, options, token);
  if (first.ok) return first;
  const refusal = await refusalOf(first);
  if (refusal.has('not_a_member') && scope.teamId && !options.personal) scope.onRefused();
  if (refusal.has('proof_required') && (await scope.prove())) return send(path, options);
  // A wrong password or code stands at its field: it says nothing about the session.
  const isFinal = options.renews === false || !tokens.isKept || isAboutInput(refusal);
  if (first.status !== 401 || isFinal) throw refusal;
  const again = await attempt(path, options, await tokens.renew(token));
  if (again.ok) return again;
  throw await refusalOf(again);
}

/** Where this device has signed in before, nobody's guesses keep it out. It is no credential. */
function device(): string {
  const kept = localStorage.getItem(deviceKey);
  if (kept) return kept;
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const made = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  localStorage.setItem(deviceKey, made);
  return made;
}

async function attempt(path: string, options: Options, token: string | null): Promise<Response> {
  const { personal = false, renews: _, ...request } = options;
  const headers = new Headers(request.headers);
  headers.set('kyozo-device', device());
  if (token) headers.set('authorization', `Bearer ${token}`);
  if (scope.teamId && !personal) headers.set('kyozo-team', scope.teamId);
  try {
    return await fetch(base + path, { ...request, headers });
  } catch (cause) {
    if (request.signal?.aborted) throw cause;
    connection.doubt();
    throw new OfflineError(cause);
  }
}

async function refusalOf(response: Response): Promise<ApiError> {
  const document = await response.json().catch(() => null);
  return new ApiError(response.status, document?.errors ?? []);
}

function isAboutInput({ errors }: ApiError): boolean {
  return errors.some(({ source }) => source?.pointer !== undefined);
}

/** Page links may be absolute; the server's own address does not matter to us. */
export function relative(link: string): string {
  const url = new URL(link, location.origin);
  return url.pathname.slice(base.length) + url.search;
}
