import { setTimeout as sleep } from 'node:timers/promises';
import type { Registry } from '@kyozo/resource';
import { randomOf } from '../../server/test/collaboration/random.ts';
import type { Check, Request } from './check.ts';
import { graphqlChecks } from './graphql.ts';
import { jsonApiChecks } from './json-api.ts';
import type { Record_ } from './oracle.ts';
import { protocolChecks } from './protocols.ts';
import { type Credential, type Host, type Leaver, makeScene, type Scene } from './scene.ts';

const width = 16;
const nobodysId = '01890a5d-ac96-774b-bcce-b302099a8057';

/**
 * Asks every route of every edge as every kind of person with every kind of credential about records in
 * every state, at random by seed, and compares each answer with the declared policy. No request is one
 * that may change anything: afterwards the database must be what it was.
 * @throws Error with every answer that was not due
 */
export async function runMatrix(
  host: Host,
  known: Registry,
  options: { seed: number; runs: number },
): Promise<{ checks: number; routes: number }> {
  const scene = await makeScene(host, known);
  const checks = [
    ...jsonApiChecks(scene.oracle),
    ...graphqlChecks(scene.oracle),
    ...protocolChecks(scene.oracle),
  ];
  const before = await digest(host, known, scene.leftTeams);
  const faults: string[] = [];
  const random = randomOf(options.seed);
  let left = options.runs;
  const worker = async () => {
    // Each route is asked once in its turn before any is asked twice.
    while (left > 0 && faults.length < 20) {
      const check = checks[left-- % checks.length]!;
      const fault = await ask(scene, check, random);
      if (fault) faults.push(fault);
    }
  };
  // At a fifth, two fifths and so on of the run, in the middle of what the others ask.
  const leaving = async () => {
    for (const [n, leaver] of scene.leavers.entries()) {
      const due = options.runs * (1 - (n + 1) / (scene.leavers.length + 1));
      while (left > due && faults.length < 20) await sleep(10);
      leaver.state = 'going';
      await leaver.remove();
      leaver.state = 'out';
    }
  };
  await Promise.all([leaving(), ...Array.from({ length: width }, worker)]);
  const after = await digest(host, known, scene.leftTeams);
  for (const [table, state] of before)
    if (after.get(table) !== state) faults.push(`${table} has changed`);
  if (faults.length > 0) throw new Error(`Not as declared:\n  ${faults.join('\n  ')}`);
  return { checks: options.runs, routes: checks.length };
}

async function ask(
  { host, oracle, credentials, leavers }: Scene,
  check: Check,
  random: () => number,
): Promise<string | undefined> {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const records = oracle.records.filter(({ type }) => type === check.of);
  const missing: Record_ = { type: check.of, id: nobodysId, values: { teamId: nobodysId } };
  const record = random() < 0.05 ? missing : (pick(records) ?? missing);
  const leaver = random() < 0.15 ? pick(leavers) : undefined;
  const credential = pick(leaver?.credentials ?? credentials);
  const request = check.ask(credential, record);
  if (!request) return undefined;
  const began = leaver?.state;
  const { status, text } = await send(host, request);
  const fault = leaver
    ? faultOfLeaver(check, credential, [began!, leaver.state], request, { status, text })
    : credential.isOutside
      ? mustBeOutside(status, text)
      : request.verify(status, text);
  return fault && told(check, credential, record, fault, text);
}

/** A member is answered as one until they are removed, and as nobody of the team from then on. */
function faultOfLeaver(
  { of }: Check,
  { isOutside }: Credential,
  [began, ended]: [Leaver['state'], Leaver['state']],
  { path, verify }: Request,
  { status, text }: { status: number; text: string },
): string | undefined {
  const asMember = verify(status, text);
  if (ended === 'in') return asMember;
  const asOther = isOfNobody(path, isOutside === true, status, text)
    ? undefined
    : `${status} for somebody who was removed`;
  // Anything personal they may do in any team.
  const isOwn = personal.includes(of);
  return began === 'out' && !isOwn ? asOther : asMember && asOther;
}

const personal = ['users', 'sessions', 'passkeys', 'notifications', 'notification-preferences'];

/** Whether an answer is one for a person who is no member, or for a key that went with the membership. */
function isOfNobody(path: string, isOutside: boolean, status: number, text: string): boolean {
  // A mutation is told in its own place where the claim was good when the request came.
  const isMutation = path === '/api/graphql' && status === 200;
  if (!isOutside) return status === 401 || (isMutation && text.includes('unauthenticated'));
  if (path.startsWith('/git/')) return status === 404;
  return (status === 403 || isMutation) && text.includes('not_a_member');
}

/** A good credential in a team that is not its owner's: the same refusal everywhere. */
const mustBeOutside = (status: number, text: string) =>
  status === 403 && text.includes('not_a_member')
    ? undefined
    : `${status} where 403 not_a_member is due`;

const told = (check: Check, { name }: Credential, { id }: Record_, fault: string, text: string) =>
  `${check.name} as ${name} about ${id}: ${fault}: ${text.slice(0, 200)}`;

async function send(host: Host, { method, path, headers, body, endless }: Request) {
  const end = new AbortController();
  const response = await fetch(host.url + path, {
    method,
    headers,
    redirect: 'manual',
    signal: end.signal,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = endless && response.ok ? '' : await response.text();
  if (endless) end.abort();
  return { status: response.status, text };
}

/** Every table of a declared type as one hash, without what a mere look moves. */
/** Of tables; what views add to them, such as how far a branch is ahead, is worked out as it is read. */
async function digest(
  host: Host,
  known: Registry,
  leftTeams: readonly string[],
): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  const names = [...known.values()].map(({ table }) => table);
  const tables = await host.query<{ table: string }>(
    `select relname as table from pg_class where relkind = 'r' and relname = any($1)
      and relnamespace = 'public'::regnamespace`,
    [names],
  );
  for (const { table } of tables) {
    const [row] = await host.query<{ hash: string }>(
      `select md5(coalesce(string_agg((to_jsonb(t) - 'last_used_at' - 'updated_at')::text, '' order by id), '')) as hash from ${table} t
        where coalesce(to_jsonb(t)->>'team_id', '') <> all($1) and to_jsonb(t)->>'kind' is distinct from 'membership.removed'`,
      [leftTeams],
    );
    digests.set(table, row!.hash);
  }
  return digests;
}
