import {
  type Connection,
  Hocuspocus,
  isTransactionOrigin,
  type WebSocketLike,
} from '@hocuspocus/server';
import { type Actor, isUuid, KyozoError, personOf, scopeAllows } from '@kyozo/resource';
import type { FastifyInstance } from 'fastify';
import { type Authenticator, isShutOut } from '../accounts/authenticate.ts';
import type { Database, Tenant } from '../database/database.ts';
import { sql } from '../database/sql.ts';
import type { Log } from '../log.ts';
import { isOwnOrigin } from '../origin.ts';
import { acknowledgeWhenDurable } from './acknowledge.ts';
import { DocumentTooLarge } from './document-size.ts';
import { FrameGuard } from './frame-guard.ts';
import type { LiveDocuments, Surroundings } from './live-documents.ts';
import { type Standing, standings } from './standing.ts';

type Context = { actor: Actor; name: string; archived: boolean };
type Ending = { code: number; reason: string };
/** The server itself opens a document too, for a team and nobody. */
type Opener = Context | { actor: Tenant };

/** Quiet this long, or this long since the first unpublished edit, and a version is made. */
const quiet = { debounce: 3_000, maxDebounce: 60_000 };
/** How often open connections ask whether their credential still stands, and what may be done in their document. */
const recheck = 500;
/** A provider connects again after this, and sends what the server lacks. */
const startAnew = [4409, 'Start anew'] as const;

export type Collaboration = {
  /** Closes a file's document for everyone. */
  closeDocument(fileId: string): void;
  /** Has everybody open it anew, with the rights that they have by then. */
  reopenDocument(fileId: string): void;
  stop(): Promise<void>;
};

/** Live documents over WebSocket at `/collaboration`: Hocuspocus's protocol, durable acknowledgements. */
export async function collaboration(
  app: FastifyInstance,
  options: {
    database: Database;
    authenticator: Authenticator;
    documents: LiveDocuments;
    publicUrl: string;
    log: Log;
  },
): Promise<Collaboration> {
  const { database, authenticator, documents, log } = options;
  const guard = new FrameGuard({
    idsOf: (document) => documents.idsOf(document.name),
    timeOf: (document, update) => documents.timeOf(document.name, update),
    sizeOf: (document) => documents.sizeOf(document.name),
    fold: ({ name }) => documents.publish(name).then(nothing, nothing),
    shownOf: (connection) => {
      const { actor, name } = connection.context as Context;
      return { id: actor.userId, name };
    },
    log: (told) => log.warn(told, 'a connection was closed for what it sent'),
  });
  // A document may open for seconds, and be archived or removed meanwhile: asked again before its first frame.
  const confirmed = new WeakMap<Connection, Promise<void>>();
  const confirm = (connection: Connection): Promise<void> => {
    const { actor } = connection.context as Context;
    const fileId = connection.document.name;
    const asked =
      confirmed.get(connection) ??
      standings(database, actor.teamId, [fileId]).then((of) => stand(connection, of(fileId)));
    confirmed.set(connection, asked);
    return asked;
  };
  const hocuspocus = new Hocuspocus<Opener>({
    quiet: true,
    ...quiet,
    extensions: [],
    async onAuthenticate({ token, documentName, connectionConfig }) {
      const context = await admit(database, authenticator, token, documentName).catch(
        refuseQuietly,
      );
      const wait = guard.wait(context.actor.userId, documentName);
      if (wait > 0) throw new Refusal('', { reason: `wait ${wait}` });
      const bytes = await documents.storedBytes(context.actor, documentName).catch(refuseQuietly);
      await guard.opening(context.actor.userId, bytes);
      connectionConfig.readOnly = context.archived || !scopeAllows(context.actor, 'files', 'write');
      return context;
    },
    async onLoadDocument({ documentName, document, context }) {
      const tenant = { teamId: context.actor.teamId };
      const surroundings: Surroundings = {
        personOf: (origin) => {
          const connection = connectionOf(origin);
          return connection && personOf((connection.context as Context).actor);
        },
        refuse: (origin) => {
          log.warn({ fileId: documentName }, 'too much was parked in a live document');
          connectionOf(origin)?.webSocket.close(...startAnew);
        },
        end: () => hocuspocus.closeConnections(documentName),
        tell: (message) => document.broadcastStateless(JSON.stringify(message)),
      };
      await documents.open(tenant, documentName, document, surroundings).catch((error: unknown) => {
        // Hocuspocus forgets it, but its awareness keeps a timer.
        document.destroy();
        refuseQuietly(error);
      });
    },
    async afterLoadDocument({ documentName, document, context }) {
      if (!documents.isLeftOver(documentName)) return;
      void hocuspocus.storeDocumentHooks(document, {
        ...{ instance: hocuspocus, clientsCount: 0, document, documentName },
        ...{ lastContext: context, lastTransactionOrigin: { source: 'local' } },
      });
    },
    connected: ({ connection }) => confirm(connection),
    async beforeHandleMessage({ update, ...frame }) {
      await confirm(frame.connection);
      await guard.frame(frame, update);
    },
    beforeSync: ({ type, payload, ...frame }) => guard.sync(frame, type, payload),
    // Nobody shows a cursor under another person's name, or moves another person's.
    async beforeHandleAwareness({ states, document, transactionOrigin }) {
      const connection = connectionOf(transactionOrigin);
      if (connection) guard.awareness({ connection, document }, states);
    },
    async onStoreDocument({ documentName }) {
      await documents.publish(documentName).catch((error: unknown) => {
        log.error({ err: error, fileId: documentName }, 'a live document could not be published');
      });
    },
    async beforeUnloadDocument({ documentName }) {
      if (!(await documents.isClean(documentName))) throw new Refusal('');
    },
  });
  documents.visit = async ({ teamId }, fileId) => {
    const visit = await hocuspocus.openDirectConnection(fileId, { actor: { teamId } });
    await visit.disconnect();
  };

  app.get('/collaboration', { websocket: true }, (socket, request) => {
    if (!isOwnOrigin(request.headers.origin, request.headers.host, options.publicUrl)) {
      socket.close(4403, 'Forbidden');
      return;
    }
    const told = new Map<string, number>();
    const guarded = acknowledgeWhenDurable(socket, async (fileId) => {
      const seq = await documents.durable(fileId);
      // Of the edits that became durable together one tells of all.
      if (told.get(fileId) !== seq) tellSaved(hocuspocus, guarded, fileId, seq);
      told.set(fileId, seq);
    });
    // Not the host that the client names: one that is none would be a failure of ours in the log.
    const head = new Request(`http://localhost${request.url}`);
    const connection = hocuspocus.handleConnection(guarded, head);
    socket.on('message', (data: Buffer) =>
      connection.handleMessage(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
    );
    socket.on('close', (code: number, reason: Buffer) =>
      connection.handleClose({ code, reason: reason.toString() }),
    );
    socket.on('error', () => socket.terminate());
  });

  const check = async () => {
    const checks = [
      revalidate(hocuspocus, database, authenticator),
      reconsider(hocuspocus, database, (fileId) => documents.forget(fileId)),
    ];
    // What cannot be asked now is asked the next time.
    await Promise.allSettled(checks);
  };
  const timer = setInterval(() => void check(), recheck);
  return {
    closeDocument: (fileId) => hocuspocus.closeConnections(fileId),
    reopenDocument(fileId) {
      for (const connection of hocuspocus.documents.get(fileId)?.getConnections() ?? [])
        comeAgain(connection);
    },
    async stop() {
      clearInterval(timer);
      hocuspocus.closeConnections();
      await documents.close();
      // What could not be stored stays loaded, and its timers would keep the process alive.
      for (const document of hocuspocus.documents.values()) document.destroy();
    },
  };
}

/** Says `saved` to the connection whose update has become durable. */
function tellSaved(
  hocuspocus: Hocuspocus<Opener>,
  socket: WebSocketLike,
  fileId: string,
  seq: number,
): void {
  const payload = JSON.stringify({ type: 'saved', seq });
  for (const connection of hocuspocus.documents.get(fileId)?.getConnections() ?? []) {
    if (connection.webSocket === socket) connection.sendStateless(payload);
  }
}

/** What Hocuspocus answers with "permission denied"; without a message it prints nothing. */
class Refusal extends Error {
  readonly reason: string;

  constructor(message: string, options: ErrorOptions & { reason?: string } = {}) {
    super(message, options);
    this.reason = options.reason ?? 'permission-denied';
  }
}

const nothing = () => undefined;

function refuseQuietly(error: unknown): never {
  if (!(error instanceof KyozoError)) throw error;
  const reason = error instanceof DocumentTooLarge ? error.message : undefined;
  throw new Refusal('', { cause: error, reason });
}

/** Who may open a document. @throws KyozoError when they may not */
async function admit(
  database: Database,
  authenticator: Authenticator,
  token: string,
  documentName: string,
): Promise<Context> {
  const denied = new KyozoError('forbidden', 'permission-denied');
  // Spelled otherwise, the same file would be a second document.
  if (!isUuid(documentName) || documentName !== documentName.toLowerCase()) throw denied;
  const person = await authenticator.current(token);
  if (!person) throw denied;
  const actor =
    person.credential.kind === 'key'
      ? person
      : await authenticator.current(token, await teamOf(database, person, documentName));
  if (!actor || !scopeAllows(actor, 'files', 'read')) throw denied;
  const [user] = await database.rows<{ name: string; archived: boolean }>(
    actor,
    sql`select w.archived_at is not null as archived, coalesce(
        (select name from users where id = ${actor.userId}),
        (select name from api_keys where id = ${actor.userId}), '') as name
      from files f join workspaces w on w.id = f.workspace_id
      where f.id = ${documentName} and f.deleted_at is null and w.deleted_at is null`,
  );
  if (!user) throw denied;
  return { actor, ...user };
}

/** The team of a file, among the person's; one that is no team for a file of nobody's. */
async function teamOf(database: Database, person: Actor, fileId: string): Promise<string> {
  const [file] = await database.system<{ team: string | null }>(
    sql`select team_of_file(${person.userId}, ${fileId}) as team`,
  );
  return file?.team ?? '';
}

const connectionOf = (origin: unknown): Connection | undefined =>
  isTransactionOrigin(origin) && origin.source === 'connection' ? origin.connection : undefined;

/** Has a connection made anew, with the rights that it has by then. Until its end it changes nothing. */
function comeAgain(connection: Connection): void {
  connection.readOnly = true;
  connection.webSocket.close(...startAnew);
}

/** Ends a connection whose rights are no longer those that it was opened with. */
function stand(connection: Connection, standing: Standing): void {
  const { archived } = connection.context as Context;
  if (standing === (archived ? 'archived' : 'open')) return;
  comeAgain(connection);
  // It is refused when it comes, and hears no more until then.
  if (standing === 'trashed' || standing === 'gone') connection.close();
}

/** Looks at the state of every open document's file and workspace, whoever changed it and how. */
async function reconsider(
  hocuspocus: Hocuspocus<Opener>,
  database: Database,
  forget: (fileId: string) => void,
): Promise<void> {
  const connections = [...hocuspocus.documents.values()].flatMap((it) => it.getConnections());
  const teams = Map.groupBy(connections, ({ context }) => (context as Context).actor.teamId);
  const asked = [...teams].map(async ([teamId, open]) => {
    const fileIds = [...new Set(open.map(({ document }) => document.name))];
    const standingOf = await standings(database, teamId, fileIds);
    for (const connection of open) stand(connection, standingOf(connection.document.name));
    for (const fileId of fileIds) if (standingOf(fileId) === 'gone') forget(fileId);
  });
  await Promise.all(asked);
}

/** Ends the connections whose credential, membership or role no longer stands. */
async function revalidate(
  hocuspocus: Hocuspocus<Opener>,
  database: Database,
  authenticator: Authenticator,
): Promise<void> {
  const asked = new Map<string, Promise<Ending | undefined>>();
  const ended: Promise<void>[] = [];
  for (const document of hocuspocus.documents.values()) {
    for (const connection of document.getConnections()) {
      const { actor } = connection.context as Context;
      const key = `${actor.credential.id} ${actor.teamId} ${actor.role}`;
      const reason = asked.get(key) ?? reasonToEnd(database, authenticator, actor);
      asked.set(key, reason);
      ended.push(
        reason.then((it) => {
          if (it) connection.close(it);
        }),
      );
    }
  }
  await Promise.all(ended);
}

const unauthorized: Ending = { code: 4401, reason: 'Unauthorized' };
const notAMember: Ending = { code: 4403, reason: 'not_a_member' };

/** Why a connection ends, if it does: a session goes on where only the membership is over. */
async function reasonToEnd(
  database: Database,
  authenticator: Authenticator,
  actor: Actor,
): Promise<Ending | undefined> {
  try {
    await database.rows(actor, sql`select 1`);
    return undefined;
  } catch (error) {
    if (!isShutOut(error)) return undefined;
  }
  const { userId, teamId, credential } = actor;
  if (credential.kind === 'key') return unauthorized;
  return authenticator.session(userId, credential.id, teamId).then(
    () => unauthorized,
    (error: unknown) => (isShutOut(error) ? notAMember : unauthorized),
  );
}
