import { scope } from '../../services/client.ts';
import { ApiError, readableError } from '../../services/errors.ts';
import { files } from '../../services/files.ts';
import { queryClient } from '../../services/query-client.ts';
import { session } from '../../services/session.svelte.ts';
import { unfinishedUploads } from '../../services/unfinished-uploads.ts';
import { endUpload, send } from '../../services/uploads.ts';
import { tracking } from '../transfers/tracking.svelte.ts';
import { panel } from './panel.svelte.ts';
import { nameOf } from './paths.ts';
import { Rate } from './rate.ts';
import { Upload } from './upload.svelte.ts';

export type Entry = { path: string; file: File };

const atOnce = 3;

/** Files on their way to the server. It lives as long as the app, so navigation does not end it. */
class Uploads {
  list: Upload[] = $state.raw([]);
  /** Folders of the last drop that held nothing, and so are not kept. */
  emptyFolders: string[] = $state.raw([]);
  /** Bytes in a second. */
  speed = $state(0);
  readonly #waiting: Upload[] = [];
  readonly #rate = new Rate();
  #running = 0;

  /** In one pass, because a list has thousands. */
  readonly totals = $derived.by(() => {
    const totals = { done: 0, failed: 0, active: 0, paused: 0, count: 0, bytes: 0, sent: 0 };
    for (const { status, size, sent } of this.list) {
      if (status === 'asking' || status === 'interrupted') continue;
      totals.count += 1;
      totals.bytes += size;
      totals.sent += status === 'done' || status === 'failed' ? size : sent;
      if (status === 'done') totals.done += 1;
      else if (status === 'failed') totals.failed += 1;
      else if (status === 'waiting' || status === 'sending' || status === 'retrying')
        totals.active += 1;
      else totals.paused += 1;
    }
    return totals;
  });
  /** Something is sent now, or will be without anybody's doing. */
  readonly isBusy: boolean = $derived(this.totals.active > 0);
  readonly percent = $derived.by(() => {
    const { done, failed, count, bytes, sent } = this.totals;
    // A file of no bytes counts for one.
    return Math.round(((sent + done + failed) / (bytes + count || 1)) * 100);
  });
  /** Until all is sent; undefined while that cannot be said. */
  readonly secondsLeft = $derived(
    this.speed > 0 ? (this.totals.bytes - this.totals.sent) / this.speed : undefined,
  );

  /** Sends files to paths of a workspace. Of a zip that is not in a folder it is asked what to do. */
  add(workspaceId: string, entries: readonly Entry[], emptyFolders: readonly string[] = []): void {
    this.#begin();
    this.emptyFolders = [...emptyFolders];
    const archive = entries.length <= 20 ? /\.zip$/iu : /$^/u;
    this.#put(
      entries.map(({ path, file }) => {
        const upload = this.#make(workspaceId, path, file, 'file');
        if (archive.test(file.name) && !upload.url) upload.status = 'asking';
        return upload;
      }),
    );
  }

  /** Sends a zip whose files come into the folder of its path. */
  import(workspaceId: string, path: string, file: File): void {
    this.#begin();
    this.#put([this.#make(workspaceId, path, file, 'import')]);
  }

  /** Decides what becomes of a zip. */
  decide(upload: Upload, purpose: 'file' | 'import'): void {
    upload.purpose = purpose;
    this.resume(upload);
  }

  pause(upload: Upload): void {
    this.#stop(upload);
    upload.status = 'paused';
    this.#next();
  }

  /** Goes on with one that was paused, failed or asked about. */
  resume(upload: Upload): void {
    upload.status = 'waiting';
    upload.problem = '';
    this.#waiting.unshift(upload);
    this.#next();
  }

  pauseAll(): void {
    // Those that wait first, so that none takes the place of one that stops.
    for (const upload of this.list) if (upload.status === 'waiting') this.pause(upload);
    for (const upload of this.list) if (upload.isRunning) this.pause(upload);
  }

  resumeAll(): void {
    for (const upload of this.list.toReversed())
      if (upload.status === 'paused') this.resume(upload);
  }

  retryFailed(): void {
    for (const upload of this.list.toReversed())
      if (upload.status === 'failed') this.resume(upload);
  }

  /** Goes on with an interrupted one; answers whether that is its file. */
  chooseAgain(upload: Upload, file: File): boolean {
    if (!upload.isOf(file)) return false;
    upload.file = file;
    this.resume(upload);
    return true;
  }

  /** Ends one and takes it off the list. */
  cancel(upload: Upload): void {
    this.#stop(upload);
    this.list = this.list.filter((each) => each !== upload);
    if (upload.url) {
      unfinishedUploads.forget(upload.url);
      void endUpload(upload.url);
    }
    this.#next();
  }

  cancelAll(): void {
    this.#waiting.length = 0;
    for (const upload of this.list) if (upload.status !== 'done') this.cancel(upload);
  }

  /** Takes off the list what is over; all of it when nothing runs. */
  clear(): void {
    this.list = this.isBusy ? this.list.filter(({ status }) => status !== 'done') : [];
    this.emptyFolders = [];
  }

  /** Shows what an earlier visit of this person left unfinished in this team. */
  restore(teamId: string): void {
    const known = new Set(this.list.map(({ url }) => url));
    const left = unfinishedUploads
      .of(session.user?.id ?? '', teamId)
      .filter(({ url }) => !known.has(url));
    if (left.length === 0) return;
    const interrupted = left.map((each) => {
      const upload = new Upload(each);
      upload.url = each.url;
      upload.status = 'interrupted';
      return upload;
    });
    this.list = [...this.list, ...interrupted];
    panel.isOpen = true;
  }

  /** Ends everything, because the person has left. */
  leave(): void {
    this.#waiting.length = 0;
    for (const upload of this.list) this.#stop(upload);
    this.list = [];
  }

  /** A new batch takes the place of one that is over, but not of what has not been sent. */
  #begin(): void {
    if (this.isBusy) return;
    this.#rate.clear();
    this.list = this.list.filter(({ status }) => status !== 'done');
  }

  /** An upload of a file; it goes on where an interrupted one of the same file had come to. */
  #make(workspaceId: string, path: string, file: File, purpose: 'file' | 'import'): Upload {
    const { size, lastModified } = file;
    const upload = new Upload({ workspaceId, path, size, lastModified, purpose }, file);
    const before = this.list.find(
      (each) =>
        each.status === 'interrupted' &&
        each.workspaceId === workspaceId &&
        each.path === path &&
        each.isOf(file),
    );
    if (before) {
      upload.url = before.url;
      upload.purpose = before.purpose;
      this.list = this.list.filter((each) => each !== before);
    }
    return upload;
  }

  #put(uploads: readonly Upload[]): void {
    this.list = [...this.list, ...uploads];
    panel.isOpen = true;
    this.#waiting.push(...uploads.filter(({ status }) => status === 'waiting'));
    this.#next();
  }

  #next(): void {
    while (this.#running < atOnce) {
      const upload = this.#waiting.shift();
      if (!upload) return;
      this.#running += 1;
      upload.status = 'sending';
      void this.#send(upload);
    }
  }

  async #send(upload: Upload): Promise<void> {
    const { purpose, workspaceId, path } = upload;
    upload.attempt += 1;
    const { attempt } = upload;
    // It may be paused, cancelled or begun again while we wait.
    const isOurs = () => upload.isRunning && upload.attempt === attempt;
    try {
      const before = purpose === 'file' ? await files.at(workspaceId, path) : undefined;
      if (!isOurs()) return;
      const sending = await this.#order(upload);
      if (!isOurs()) return sending.stop();
      upload.sending = sending;
      upload.result = await sending.result;
      const after = before && (await files.at(workspaceId, path));
      if (!isOurs()) return;
      if (purpose === 'file') upload.outcome = outcomeOf(before?.version, after?.version);
      this.#finish(upload);
    } catch (error) {
      if (!isOurs()) return;
      upload.problem = readableError(error);
      upload.status = 'failed';
      // What the server refuses it will refuse after a reload, too.
      const isRefused = error instanceof ApiError && error.status < 500;
      if (isRefused && upload.url) unfinishedUploads.forget(upload.url);
    }
    this.#running -= 1;
    if (!this.isBusy) void queryClient.invalidateQueries({ queryKey: ['files'] });
    this.#next();
  }

  #finish(upload: Upload): void {
    if (upload.url) unfinishedUploads.forget(upload.url);
    upload.sent = upload.size;
    upload.status = 'done';
    if (upload.purpose === 'file') return;
    // From here on it is the server's work, which has a row of its own.
    tracking.follow(upload.result, 'import', nameOf(upload.path), upload.workspaceId);
    this.list = this.list.filter((each) => each !== upload);
  }

  #order(upload: Upload) {
    const { workspaceId, path, purpose, url, size, lastModified } = upload;
    const teamId = scope.teamId ?? '';
    let isFirst = true;
    return send({
      ...{ workspaceId, path, purpose, url, file: upload.file! },
      onProgress: (sent) => {
        if (upload.status === 'retrying') upload.status = 'sending';
        // The first word of one that goes on counts what was sent long ago.
        if (!isFirst || !url) this.#rate.add(Math.max(sent - upload.sent, 0), performance.now());
        isFirst = false;
        upload.sent = sent;
        this.speed = this.#rate.perSecond;
      },
      onWaiting: () => {
        if (upload.status === 'sending') upload.status = 'retrying';
      },
      onAddress: (at) => {
        if (upload.url && upload.url !== at) unfinishedUploads.forget(upload.url);
        upload.url = at;
        const place = { workspaceId, purpose, path, size, lastModified, teamId };
        unfinishedUploads.keep({
          ...place,
          url: at,
          userId: session.user?.id ?? '',
          begunAt: Date.now(),
        });
      },
    });
  }

  /** Stops one, or takes it out of those that wait; its place is free. */
  #stop(upload: Upload): void {
    const index = this.#waiting.indexOf(upload);
    if (index !== -1) this.#waiting.splice(index, 1);
    if (!upload.isRunning) return;
    upload.sending?.stop();
    upload.status = 'paused';
    this.#running -= 1;
  }
}

export const uploads = new Uploads();

function outcomeOf(before: number | undefined, after: number | undefined) {
  if (before === undefined) return 'created';
  return before === after ? 'same' : 'changed';
}
