import { type Actor, verify } from '@kyozo/resource';
import { openAccounts } from './accounts/accounts.ts';
import { foundingPerformers } from './accounts/actions.ts';
import { apiKeyPerformers } from './accounts/api-keys.ts';
import { AuthDatabase } from './accounts/auth-database.ts';
import { invitationChanges, invitationPerformers } from './accounts/invitations.ts';
import { membershipPerformers } from './accounts/memberships.ts';
import { NotificationFeed } from './accounts/notification-feed.ts';
import { notificationPerformers } from './accounts/notifications.ts';
import { Notifier } from './accounts/notifier.ts';
import { type Remains, teamPerformers } from './accounts/teams.ts';
import { Actions, type Performers } from './actions.ts';
import { Answers } from './api/answers.ts';
import { archives } from './api/archives.ts';
import { branches } from './api/branches.ts';
import { commits } from './api/commits.ts';
import { content } from './api/content.ts';
import type { Edge } from './api/context.ts';
import { docs } from './api/docs.ts';
import { gitHttp } from './api/git-http.ts';
import { locate } from './api/git-locate.ts';
import { graphql } from './api/graphql/graphql.ts';
import { health } from './api/health.ts';
import { history } from './api/history.ts';
import { createHttp } from './api/http.ts';
import { jsonApi } from './api/jsonapi/routes.ts';
import { lfs } from './api/lfs.ts';
import { mailbox } from './api/mailbox.ts';
import { openApi } from './api/openapi/openapi.ts';
import { signInMethods } from './api/sign-in-methods.ts';
import { stream } from './api/stream.ts';
import { thumbnail } from './api/thumbnail.ts';
import { uploads } from './api/uploads.ts';
import { web } from './api/web.ts';
import { Transfers, transfersFolder } from './archives/transfers.ts';
import { type Collaboration, collaboration } from './collaboration/collaboration.ts';
import { LiveDocuments } from './collaboration/live-documents.ts';
import { TextPool } from './collaboration/text-pool.ts';
import type { Config } from './config.ts';
import { Database, type Queries } from './database/database.ts';
import { type EmbeddedDatabase, startEmbedded } from './database/embedded.ts';
import { migrate, prepareRoles } from './database/migrate.ts';
import { sql } from './database/sql.ts';
import { Turns } from './database/turns.ts';
import { EventFeed } from './events/event-feed.ts';
import { Signals } from './events/signals.ts';
import { keepFilesPrivate, shutDataDir } from './file-modes.ts';
import { prepareJobs, Queue } from './jobs/queue.ts';
import { exportTask, importTask } from './jobs/tasks/archives.ts';
import { bringStorageHome } from './jobs/tasks/bring-storage-home.ts';
import { cleanupStorage } from './jobs/tasks/cleanup-storage.ts';
import { createVersion } from './jobs/tasks/create-version.ts';
import { forgetUploads } from './jobs/tasks/forget-uploads.ts';
import { mailNotifications, sendDigests } from './jobs/tasks/mail-notifications.ts';
import { moveStorage } from './jobs/tasks/move-storage.ts';
import { bulkProcess, processStorage } from './jobs/tasks/process-storage.ts';
import { removeTeam } from './jobs/tasks/remove-team.ts';
import { removeWorkspace } from './jobs/tasks/remove-workspace.ts';
import { checkFaults, storageHealth } from './jobs/tasks/storage-health.ts';
import { lockDataDir } from './lock.ts';
import { createLog } from './log.ts';
import { createMailer } from './mail/mailer.ts';
import { PictureReader } from './media/picture-reader.ts';
import { isPicture, PictureStore } from './media/picture-store.ts';
import { Records } from './records.ts';
import { known, resources } from './resources.ts';
import { chooseRuntime } from './runtimes/choose-runtime.ts';
import { openScratch } from './runtimes/scratch.ts';
import { startSpawner } from './spawn/spawner.ts';
import { openStorages } from './storage/storages.ts';
import { movePerformers } from './storage-jobs/storage-moves.ts';
import { openTemporary } from './temporary.ts';
import { finishUpload } from './uploads/finish-upload.ts';
import { UploadStore, uploadsFolder } from './uploads/upload-store.ts';
import { version } from './version.ts';
import { type Workspaces, workspaceChanges, workspacePerformers } from './workspaces/actions.ts';
import { branchPerformers } from './workspaces/branch-actions.ts';
import { BranchReader } from './workspaces/branch-changes.ts';
import { CommitList } from './workspaces/branch-commits.ts';
import { BranchFacts } from './workspaces/branch-facts.ts';
import { ContentStore } from './workspaces/content-store.ts';
import { FileStore, type Follower } from './workspaces/file-store.ts';
import { followNotebook } from './workspaces/follow-notebook.ts';
import { History } from './workspaces/history.ts';
import { LfsStore } from './workspaces/lfs-store.ts';
import { BranchMerges } from './workspaces/merge.ts';
import { Pushes, type PushParts } from './workspaces/push.ts';
import { PushContents } from './workspaces/push-contents.ts';
import { pushLimits } from './workspaces/push-limits.ts';
import { Runner } from './workspaces/runner.ts';
import { StoredTeamKeys } from './workspaces/team-keys.ts';
import { type ClosedWorkspace, workspacePurge } from './workspaces/workspace-states.ts';

export type Running = { url: string; stop(): Promise<void>; failed: Promise<string> };

/** Starts everything: config → database → migrate → verify → http, collaboration. Stops in reverse. */
export async function serve(config: Config): Promise<Running> {
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const end of stops.splice(0).reverse()) await end();
  };
  try {
    return await start(config, stops, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  config: Config,
  stops: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
): Promise<Running> {
  const log = createLog(config.logLevel);
  keepFilesPrivate();
  await shutDataDir(config.dataDir);
  verify(resources, known);
  const lock = await lockDataDir(config.dataDir);
  stops.push(async () => lock.close());
  const embedded = config.databaseUrl
    ? undefined
    : await startEmbedded(config.dataDir, config.secretKey);
  if (embedded) stops.push(() => embedded.stop());
  const { database, auth, serverUrl } = await openDatabase(config, embedded, stops);
  const queue = await Queue.open(serverUrl, log);
  stops.push(() => queue.stop());
  const mailer = createMailer(config);
  stops.push(async () => mailer.close());
  const spawner = await startSpawner();
  stops.push(() => spawner.close());
  const keys = new StoredTeamKeys(database, config.masterKeys);
  const storages = await openStorages({ dataDir: config.dataDir, s3: config.s3, keys });
  stops.push(() => storages.close());
  // Without a sandbox no picture is read: browsers show the pictures themselves.
  const reader = config.bwrap
    ? await PictureReader.open(spawner, config.bwrap).catch((error: unknown) => {
        log.warn({ err: error }, 'no picture is read: the sandbox cannot be laid out');
        return undefined;
      })
    : undefined;
  const texts = new TextPool();
  stops.push(() => texts.stop());
  const findCells = (team: string, text: string) =>
    texts.run(team, 'cells', text).catch((error: unknown) => {
      log.warn({ err: error, teamId: team }, 'the cells of a text could not be found');
      return undefined;
    });
  const follow: Follower = async (transaction, signer, row, content) => {
    await followNotebook(transaction, signer, row, content);
    if (!reader || !isPicture(row.content_type)) return;
    await queue.add('process-storage', { teamId: row.team_id, fileId: row.id }, transaction);
  };
  const temporary = await openTemporary(config.dataDir);
  const contents = new ContentStore(database, storages, temporary, findCells);
  const pushed = new PushContents(database, spawner, storages, contents);
  const facts = new BranchFacts({
    ...{ database, storages, spawner, contents: pushed },
    log: (error) => log.error(error),
  });
  const records = new Records(database, known, async (actor, type, wanted) => {
    if (type === 'branches') await facts.freshen(actor, wanted);
  });
  const files = new FileStore(database, storages, contents, follow);
  const uploadStore = await UploadStore.open(database, keys, config.dataDir);
  const transfers = await Transfers.open(database, queue, keys, config.dataDir);
  const signals = new Signals();
  const feed = new EventFeed(database, known, signals);
  const notifications = new NotificationFeed(database, signals);
  const documents = new LiveDocuments({
    ...{ database, files, texts, published: feed.changed },
    failed: (fileId, error) =>
      log.error({ err: error, fileId }, 'edits could not be made a version'),
  });
  let live: Collaboration | undefined;
  const runtime = await chooseRuntime({
    spawner,
    bwrap: config.bwrap,
    onFallback: (err) => log.warn({ err }, 'bubblewrap does not start: cells run in WebAssembly'),
  }).catch((error: unknown) => {
    log.error({ err: error }, 'no runtime starts: cells cannot run');
    return undefined;
  });
  const scratch = await openScratch(config.dataDir, spawner);
  stops.push(() => scratch.close());
  const runner = new Runner({
    database,
    files,
    signals,
    runtime,
    scratch,
    limits: config.cells,
    log,
    changed: feed.changed,
  });
  stops.push(() => runner.stop());
  await database.system(sql`select interrupt_open_runs()`);
  // The content is written: an open document that cannot follow now does so at its next turn.
  const followFile = (fileId: string) =>
    documents
      .follow(fileId)
      .catch((error) => log.error({ err: error, fileId }, 'could not follow'));
  const workspaces: Workspaces = {
    runner,
    database,
    records,
    files,
    publish: (_actor, fileId, message) => documents.publish(fileId, message),
    publishIfPossible: (_actor, fileId) => documents.publishIfPossible(fileId),
    follow: (_actor, fileId) => followFile(fileId),
    closed: (fileId) => live?.closeDocument(fileId),
    closedWorkspace: (closed) => void endWorkspace(closed).catch((error) => log.error(error)),
    pack: (actor, workspaceId) => transfers.start(actor, 'export', workspaceId),
  };
  const endWorkspace = async ({ teamId, workspaceId, notebooks }: ClosedWorkspace) => {
    const open = sql`select id from files where workspace_id = ${workspaceId} and live`;
    for (const { id } of await database.rows<{ id: string }>({ teamId }, open))
      live?.reopenDocument(id);
    await runner.close(notebooks);
  };
  const ended = async ({ teamId, notebooks }: Remains) => {
    documents.abandon(teamId);
    await runner.close(notebooks);
  };
  const accounts = await openAccounts({
    ...{ config, database, auth, records, queue, mailer, ended },
    wake: notifications.changed,
  });
  const { authenticator, mailLimits, post } = accounts;
  const mailing = { database, post, publicUrl: config.publicUrl };
  await queue.start(mailNotifications(mailing));
  await queue.start(sendDigests(mailing));
  await queue.start(removeTeam(storages));
  await queue.start(removeWorkspace(storages));
  const storing = { database, storages, queue, log, changed: feed.changed };
  await queue.start(moveStorage(storing));
  await queue.start(bringStorageHome(storing));
  await queue.start(
    cleanupStorage({
      ...storing,
      ...{ grace: config.storageGrace, trashDays: config.trashDays },
    }),
  );
  if (reader) {
    const pictures = new PictureStore({ database, files, storages, reader });
    await queue.start(processStorage(pictures));
    await queue.start(bulkProcess(pictures, queue));
  }
  const moving = { transfers, workspaces, limit: config.uploadLimit, changed: feed.changed };
  await queue.start(importTask(moving));
  await queue.start(exportTask(moving));
  const passing = [uploadsFolder(config.dataDir), transfersFolder(config.dataDir)];
  await queue.start(forgetUploads(database, passing));
  const notifier = new Notifier({
    wake: notifications.changed,
    mail: (transaction) => queue.add('mail-notifications', {}, transaction),
  });
  await queue.start(storageHealth({ ...storing, notifier }));
  const teamChanges = (queries: Queries, seen: Records): Performers => ({
    ...notificationPerformers(queries, seen),
    ...apiKeyPerformers(queries, known),
    ...membershipPerformers(queries, notifier),
    ...invitationChanges({ queries, notifier, mailLimits, post, publicUrl: config.publicUrl }),
  });
  const pushParts: PushParts = {
    ...{ database, files, storages, contents, spawner, changed: feed.changed },
    limits: pushLimits(config.pushedFileLimit),
    turns: new Turns(),
    publishAll: (team, workspace) => documents.publishAll(team, workspace),
    follow: followFile,
    closed: (fileId) => live?.closeDocument(fileId),
    log: (error) => log.error(error),
  };
  const merges = new BranchMerges(pushParts);
  const performers = {
    ...branchPerformers({ parts: pushParts, records, merges }),
    ...workspacePerformers(workspaces),
    ...workspacePurge({
      ...{ database, closed: workspaces.closedWorkspace },
      bury: ({ workspaceId }, transaction) =>
        queue.add('remove-workspace', { workspaceId }, transaction),
    }),
    ...movePerformers(database, queue),
    ...teamChanges(database, records),
    ...teamPerformers({
      database,
      notifier,
      bury: ({ teamId, workspaces: ids }, transaction) =>
        queue.add('remove-team', { teamId, workspaces: ids }, transaction),
      ended,
    }),
    ...invitationPerformers({
      ...{ database, queries: database, records, authenticator },
      ...{ notifier, mailLimits, post, publicUrl: config.publicUrl, guarded: accounts.guarded },
    }),
    ...foundingPerformers({ auth, authenticator, records }),
    ...accounts.performers,
  };
  // In a transaction of several actions no live document is published: it would wait for that very transaction.
  const performersOn = (queries: Queries, seen: Records): Performers => ({
    ...workspaceChanges({
      ...workspaces,
      database: queries,
      files: new FileStore(queries, storages, contents, follow),
      publish: async () => ({ changed: false }),
      publishIfPossible: async () => undefined,
    }),
    ...teamChanges(queries, seen),
  });
  const actions = new Actions({ database, known, performers, performersOn, changed: feed.changed });
  const answers = new Answers(database, config.secretKey);
  const edge: Edge = { known, records, actions, authenticator, answers };

  const app = await createHttp(config, log, known, (bearer) => authenticator.knows(bearer));
  stops.push(() => app.close());
  await app.register(async (scope) => jsonApi(scope, edge), { prefix: '/api/v1' });
  const served = { files, workspaces, changed: feed.changed, limit: config.uploadLimit };
  await app.register(async (scope) => content(scope, edge, served), { prefix: '/api/v1' });
  const versions = new History(database, files);
  await app.register(async (scope) => history(scope, edge, versions), { prefix: '/api/v1' });
  const branching = {
    database,
    reader: new BranchReader(spawner, storages, pushed),
    commits: new CommitList(spawner, storages, pushed),
  };
  await app.register(async (scope) => branches(scope, edge, branching), { prefix: '/api/v1' });
  await app.register(async (scope) => commits(scope, edge, branching), { prefix: '/api/v1' });
  await app.register(async (scope) => thumbnail(scope, edge, { database, storages }), {
    prefix: '/api/v1',
  });
  const receiving = {
    ...{ uploads: uploadStore, limit: config.uploadLimit },
    finish: finishUpload({ transfers, workspaces, changed: feed.changed }),
  };
  await app.register(async (scope) => uploads(scope, edge, receiving), { prefix: '/api/v1' });
  const archived = { transfers, limit: config.uploadLimit };
  await app.register(async (scope) => archives(scope, edge, archived), { prefix: '/api/v1' });
  await app.register(async (scope) => stream(scope, edge, feed, notifications, signals), {
    prefix: '/api/v1',
  });
  await app.register(async (scope) => graphql(scope, edge, { database, feed, signals, ...config }));
  const document = JSON.stringify(openApi(known, version));
  app.get('/api/v1/openapi.json', async (_request, reply) =>
    reply.type('application/json').send(document),
  );
  await app.register(async (scope) => docs(scope));
  const pushes = new Pushes(pushParts);
  const doors = {
    authenticate: (_name: string, password: string) => authenticator.current(password),
    locate: (actor: Actor, team: string, workspace: string, fresh: boolean) =>
      locate(actor, team, workspace, fresh, { database, files, documents }),
  };
  await app.register(async (scope) =>
    gitHttp<Actor>(scope, {
      ...{ ...doors, spawner, storages, mostRefs: pushes.limits.refs },
      receive: (actor, target, push) => pushes.receive(actor, target, push),
    }),
  );
  const objects = new LfsStore(database, storages, contents);
  await app.register(async (scope) =>
    lfs(scope, { ...doors, store: objects, publicUrl: config.publicUrl }),
  );
  app.get('/.well-known/jwks.json', async () => accounts.keys.jwks());
  await health(
    app,
    edge,
    [
      { name: 'database', check: async () => void (await database.system(sql`select 1 as one`)) },
      { name: 'jobs', check: () => queue.check() },
      ...storages.parts,
      { name: 'storage:contents', needed: false, check: () => checkFaults(database) },
    ],
    config.metricsToken,
  );
  live = await collaboration(app, { database, authenticator, documents, log, ...config });
  stops.push(() => live!.stop());
  await queue.start(createVersion({ database, documents, git: storages.git, spawner, log }));
  await app.register(async (scope) => signInMethods(scope, accounts.providers, config));
  if (config.development) mailbox(app, config.dataDir);
  const https = config.publicUrl.startsWith('https:');
  await app.register(async (scope) => web(scope, config.webRoot, https));
  await app.listen({ host: config.host, port: config.port });
  const { port } = app.server.address() as { port: number };
  return {
    url: `http://${config.host}:${port}`,
    stop,
    failed: embedded ? embedded.stopped : new Promise(() => undefined),
  };
}

async function openDatabase(
  config: Config,
  embedded: EmbeddedDatabase | undefined,
  stops: (() => Promise<unknown>)[],
): Promise<{ database: Database; auth: AuthDatabase; serverUrl: string }> {
  const ownerUrl = config.databaseUrl ?? embedded!.url;
  await migrate(ownerUrl);
  await prepareJobs(ownerUrl);
  const urls = await prepareRoles(ownerUrl, config.secretKey);
  const database = new Database({ connectionString: urls.server }, { lanes: 3, pool: 10 });
  stops.push(() => database.close());
  const auth = new AuthDatabase(urls.auth);
  stops.push(() => auth.close());
  return { database, auth, serverUrl: urls.server };
}
