/**
 * Pushes: received in quarantine, looked at, and made true with PostgreSQL. What is reported as done is
 * durable; a push that is refused leaves nothing behind.
 */
import type { Readable } from 'node:stream';
import { type Actor, KyozoError } from '@kyozo/resource';
import type { Queries } from '../database/database.ts';
import type { Turns } from '../database/turns.ts';
import type { Spawner } from '../spawn/spawner.ts';
import type { Storages } from '../storage/storages.ts';
import type { ContentStore } from './content-store.ts';
import type { FileStore, Held } from './file-store.ts';
import { checkRefName } from './push-check.ts';
import { PushContents } from './push-contents.ts';
import { ask, countFiles, type GitView, isAncestor } from './push-git.ts';
import type { PushLimits } from './push-limits.ts';
import { type Landed, MainPush, type Prepared } from './push-main.ts';
import { PushRefused, Quarantine } from './push-quarantine.ts';
import { type Command, findConflict, lockedRefs, MAIN, writeRef } from './push-refs.ts';

export type PushParts = {
  database: Queries;
  files: FileStore;
  storages: Storages;
  contents: ContentStore;
  spawner: Spawner;
  limits: PushLimits;
  /** Pushes and merges of one workspace take turns. */
  turns: Turns;
  /** Turns what is typed in a workspace into versions. */
  publishAll: (teamId: string, workspaceId: string) => Promise<void>;
  /** Brings a live document to its file's newest version. */
  follow: (fileId: string) => Promise<void>;
  /** A file is in the trash now. */
  closed: (fileId: string) => void;
  /** Events of the team are there. */
  changed: (teamId: string) => void;
  log: (error: unknown) => void;
};

export type PushTarget = { teamId: string; workspaceId: string };
export type PushRequest = {
  commands: readonly Command[];
  /** Undefined when only refs are removed. */
  pack: Readable | undefined;
  /** All or none. */
  atomic: boolean;
};
export type PushReport = {
  /** Why the pack was refused; undefined when it was not. */
  unpack: string | undefined;
  /** Why each ref was refused; undefined where it has moved. In the order of the commands. */
  refs: { name: string; refused: string | undefined }[];
  remarks: string[];
};

const TOGETHER = 'it was pushed together with what is refused';

export class Pushes {
  readonly limits: PushLimits;
  readonly #parts: PushParts;
  readonly #main: MainPush;

  constructor(parts: PushParts) {
    const { database, storages, contents, spawner, limits } = parts;
    this.limits = limits;
    this.#parts = parts;
    this.#main = new MainPush(
      spawner,
      storages,
      new PushContents(database, spawner, storages, contents),
    );
  }

  /** Takes a push of a person who may write. Never throws for what the push is to blame for. */
  async receive(person: Actor, target: PushTarget, request: PushRequest): Promise<PushReport> {
    const actor = { ...person, teamId: target.teamId };
    const { spawner, storages } = this.#parts;
    const folder = storages.git.folder(target.workspaceId);
    const quarantine = await Quarantine.open(spawner, folder, this.limits);
    const push = new Push(request);
    try {
      await this.#inspect(push, quarantine);
      if (push.accepted.length > 0) {
        await quarantine.release();
        await this.#parts.turns.take(target.workspaceId, () =>
          this.#apply(push, actor, target.workspaceId),
        );
      }
    } catch (error) {
      push.refuseAll(this.#explain(error));
    } finally {
      await quarantine.close();
    }
    return push.report();
  }

  async #inspect(push: Push, quarantine: Quarantine): Promise<void> {
    for (const command of push.commands) push.refuse(command, this.#checkCommand(push, command));
    if (push.pack) {
      try {
        await quarantine.receive(push.pack);
      } catch (error) {
        if (!(error instanceof PushRefused)) throw error;
        push.unpack = error.message;
        throw error;
      }
    }
    const bad = await quarantine.findBad();
    for (const command of push.accepted) {
      if (command.new === undefined) continue;
      const refused = await this.#checkObjects(quarantine, command, command.new, bad);
      push.refuse(command, refused);
      // Objects that were refused must not come into the repository with others.
      if (refused) push.tainted = true;
    }
    if (push.tainted) push.refuseAll(TOGETHER);
    push.settle();
  }

  #checkCommand(push: Push, { name, old, new: next }: Command): string | undefined {
    const problem = checkRefName(name);
    if (problem) return problem;
    if (push.commands.filter((command) => command.name === name).length > 1) {
      return 'it is named twice';
    }
    if (name === MAIN && next === undefined) return 'main cannot be deleted';
    if (old === undefined && next === undefined) return 'there is no such branch or tag';
    return undefined;
  }

  async #checkObjects(
    quarantine: Quarantine,
    { name, old }: Command,
    oid: string,
    bad: Awaited<ReturnType<Quarantine['findBad']>>,
  ): Promise<string | undefined> {
    try {
      await this.#mustBeCommit(quarantine.view, name, oid);
      await quarantine.walk(oid, bad);
      if (name === MAIN) await this.#checkMain(quarantine.view, old, oid);
      return undefined;
    } catch (error) {
      if (error instanceof PushRefused) return error.message;
      throw error;
    }
  }

  async #mustBeCommit(view: GitView, name: string, oid: string): Promise<void> {
    const { spawner } = this.#parts;
    const args = name.startsWith('refs/heads/')
      ? ['cat-file', '-t', oid]
      : ['rev-parse', '--verify', '--quiet', `${oid}^{commit}`];
    const answer = await ask(spawner, view, args).catch(() => []);
    const right = name.startsWith('refs/heads/') ? answer[0] === 'commit' : answer.length === 1;
    if (!right) throw new PushRefused('a branch or tag must point at a commit that is here');
  }

  async #checkMain(view: GitView, old: string | undefined, oid: string): Promise<void> {
    const { spawner } = this.#parts;
    const follows =
      old === undefined || (await isAncestor(spawner, view, old, oid).catch(() => false));
    if (!follows) throw new PushRefused('main cannot be forced; fetch first, then merge or rebase');
    if ((await countFiles(spawner, view, oid)) > this.limits.files) {
      throw new PushRefused(`a workspace has at most ${this.limits.files} files`);
    }
  }

  async #apply(push: Push, actor: Actor, workspaceId: string): Promise<void> {
    const { files, publishAll, storages } = this.#parts;
    const main = push.accepted.find(({ name }) => name === MAIN);
    let prepared: Prepared | undefined;
    try {
      if (main) prepared = await this.#main.prepare(actor, workspaceId, main);
    } catch (error) {
      push.refuse(main!, this.#explain(error));
      push.settle();
    }
    if (prepared) await publishAll(actor.teamId, workspaceId);
    const landed = await files.hold(actor, workspaceId, (held) =>
      this.#true(held, push, actor, workspaceId, prepared),
    );
    const moved = push.accepted.filter(({ name }) => name !== MAIN);
    // Behind the commit nothing may fail any more: the next open repairs what did not follow.
    const follow = async () => {
      // Removals first: a folder of branches may become a branch.
      for (const { name } of moved.filter((command) => command.new === undefined))
        await storages.git.setRef(workspaceId, name, null);
      for (const { name, new: oid } of moved.filter((command) => command.new !== undefined))
        await storages.git.setRef(workspaceId, name, oid!);
      if (landed) await storages.git.setRef(workspaceId, MAIN, landed.head);
    };
    await follow().catch(this.#parts.log);
    this.#parts.changed(actor.teamId);
    if (landed) await this.#tell(push, landed);
  }

  async #true(
    held: Held,
    push: Push,
    actor: Actor,
    workspaceId: string,
    prepared: Prepared | undefined,
  ): Promise<Landed | undefined> {
    if (held.archived) throw new PushRefused('The workspace is archived.');
    const refs = await lockedRefs(held.transaction, workspaceId);
    const lastPushed = refs.get(MAIN);
    refs.delete(MAIN);
    for (const command of push.accepted) {
      if (command.name === MAIN) continue;
      const conflict = findConflict(refs, command);
      push.refuse(command, conflict);
      if (conflict) continue;
      if (command.new) refs.set(command.name, command.new);
      else refs.delete(command.name);
    }
    const landed = await this.#landMain(held, push, actor, workspaceId, prepared, lastPushed);
    push.settle();
    for (const command of push.accepted) {
      if (command.name !== MAIN) await writeRef(held.transaction, actor, workspaceId, command);
    }
    if (push.accepted.length === 0) throw new PushRefused(TOGETHER);
    return landed;
  }

  /** In a savepoint: when it is refused, the other refs of the push may still move. */
  async #landMain(
    held: Held,
    push: Push,
    actor: Actor,
    workspaceId: string,
    prepared: Prepared | undefined,
    lastPushed: string | undefined,
  ): Promise<Landed | undefined> {
    push.settle();
    const main = push.accepted.find(({ name }) => name === MAIN);
    if (!main || !prepared) return undefined;
    try {
      return await held.transaction.attempt(() =>
        this.#main.land(held, actor, workspaceId, prepared, lastPushed),
      );
    } catch (error) {
      push.refuse(main, this.#explain(error));
      return undefined;
    }
  }

  async #tell(push: Push, landed: Landed): Promise<void> {
    const { closed, follow, log } = this.#parts;
    if (landed.merged) {
      push.remarks.push(
        'Others wrote in this workspace meanwhile: your push was merged. Pull to see it.',
      );
    }
    for (const id of landed.deleted) closed(id);
    for (const id of landed.written) await follow(id).catch(log);
  }

  /** A sentence for the person; what is the server's fault is logged. */
  #explain(error: unknown): string {
    if (error instanceof PushRefused || error instanceof KyozoError) return error.message;
    const { statusCode, message } = error as Error & { statusCode?: number };
    if (statusCode !== undefined && statusCode < 500) return message;
    this.#parts.log(error);
    return 'Something went wrong on the server; nothing was changed.';
  }
}

/** One push on its way: which refs are still to move, and why the others are not. */
class Push {
  readonly commands: readonly Command[];
  readonly pack: Readable | undefined;
  readonly remarks: string[] = [];
  unpack: string | undefined;
  tainted = false;
  readonly #atomic: boolean;
  readonly #refused = new Map<Command, string>();

  constructor({ commands, pack, atomic }: PushRequest) {
    this.commands = commands;
    this.pack = pack;
    this.#atomic = atomic;
  }

  get accepted(): Command[] {
    return this.commands.filter((command) => !this.#refused.has(command));
  }

  refuse(command: Command, why: string | undefined): void {
    if (why !== undefined && !this.#refused.has(command)) this.#refused.set(command, why);
  }

  refuseAll(why: string): void {
    for (const command of this.commands) this.refuse(command, why);
  }

  /** Of an atomic push all refs move, or none. */
  settle(): void {
    if (this.#atomic && this.#refused.size > 0) this.refuseAll(TOGETHER);
  }

  report(): PushReport {
    const refs = this.commands.map((command) => ({
      name: command.name,
      refused: this.#refused.get(command),
    }));
    return { unpack: this.unpack, refs, remarks: this.remarks };
  }
}
