/** The processes of one sandbox, seen through /proc from outside: a sandbox hides nothing from here. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** How often new processes are looked for before all are killed. */
const STOP_ROUNDS = 10;

type Seen = { pid: number; parent: number; started: string };

/**
 * A sandbox whose first process here is `outer`. In a process namespace of its own, whatever loses its
 * parent falls to the namespace's first process, so that nothing leaves; without one (the wasm
 * runtime, which cannot fork) there is `outer` alone.
 */
export class SandboxProcesses {
  /** The process that runs the cells. */
  readonly loop: number;
  readonly #init: number;
  readonly #namespace: string | undefined;
  /** What ran before the cell that runs now: other cells' leftovers. */
  #older = new Set<string>();
  #threads = 0;

  constructor(outer: number) {
    const own = namespaceOf('self');
    const init = tree(outer).find((pid) => {
      const namespace = namespaceOf(pid);
      return namespace !== undefined && namespace !== own;
    });
    this.#init = init ?? outer;
    this.#namespace = init === undefined ? undefined : namespaceOf(init);
    this.loop = init === undefined ? outer : (childrenOf(init)[0] ?? init);
  }

  /** All of them, by walking down from the first: cheap, and a process that just moves may be missed. */
  pids(): number[] {
    return tree(this.#init);
  }

  /** Remembers what runs already: it is not the next cell's. */
  begin(): void {
    this.#older = new Set(this.#all().map(identify));
    this.#threads = this.#countThreads();
  }

  /**
   * Kills the namespace's first process, and with it all the others; false without a namespace. The
   * sandbox's own program then ends by itself and leaves no zombie, as it would when it were killed.
   */
  killAll(): boolean {
    if (this.#namespace === undefined || namespaceOf(this.#init) !== this.#namespace) return false;
    return attempt(() => process.kill(this.#init, 'SIGKILL')) ?? false;
  }

  /** Sends the loop a signal if it has a handler for it; answers whether. */
  interruptLoop(signal: number): boolean {
    const status = attempt(() => readFileSync(`/proc/${this.loop}/status`, 'utf8')) ?? '';
    const caught = BigInt(`0x${/^SigCgt:\s+([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
    if (((caught >> BigInt(signal - 1)) & 1n) === 0n) return false;
    return attempt(() => process.kill(this.loop, signal)) ?? false;
  }

  /**
   * Kills what the cell has started; answers how many. All of it is stopped first: killed one by one, a
   * reader would see its writer's end, and its shell would run the next command.
   */
  killStarted(): number {
    const stopped = new Map<string, number>();
    for (let round = 0; round < STOP_ROUNDS; round++) {
      const fresh = this.#started().filter((one) => !stopped.has(identify(one)));
      if (fresh.length === 0) break;
      for (const one of fresh) {
        this.#signal(one.pid, 'SIGSTOP');
        stopped.set(identify(one), one.pid);
      }
    }
    for (const pid of stopped.values()) this.#signal(pid, 'SIGKILL');
    return stopped.size;
  }

  /** Whether the cell has left threads in the loop, which nothing can end but the loop's own end. */
  hasNewThreads(): boolean {
    return this.#countThreads() > this.#threads;
  }

  /** Everything but the loop, what ran before the cell, and what that has started since. */
  #started(): Seen[] {
    const all = this.#all();
    const byPid = new Map(all.map((one) => [one.pid, one]));
    const isOlder = (one: Seen): boolean => {
      for (let at: Seen | undefined = one; at; at = byPid.get(at.parent)) {
        if (at.pid === this.loop || at.pid === this.#init) return false;
        if (this.#older.has(identify(at))) return true;
      }
      return false;
    };
    return all.filter((one) => one.pid !== this.loop && one.pid !== this.#init && !isOlder(one));
  }

  /** Looks once more: the number could have gone to somebody else's process meanwhile. */
  #signal(pid: number, signal: NodeJS.Signals): void {
    if (namespaceOf(pid) === this.#namespace) attempt(() => process.kill(pid, signal));
  }

  #countThreads(): number {
    return attempt(() => readdirSync(`/proc/${this.loop}/task`).length) ?? 0;
  }

  /** By looking at every process of the machine, so that none is missed. */
  #all(): Seen[] {
    if (this.#namespace === undefined) return [];
    return readdirSync('/proc').flatMap((name) => {
      const pid = Number(name);
      if (!(pid > 0) || namespaceOf(pid) !== this.#namespace) return [];
      const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
      if (stat === undefined) return [];
      // The name in parentheses may hold anything.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      // One that has ended and waits for its parent runs nothing.
      if (fields[0] === 'Z' || fields[0] === 'X') return [];
      return [{ pid, parent: Number(fields[1]), started: fields[19]! }];
    });
  }
}

const identify = ({ pid, started }: Seen) => `${pid} ${started}`;

/** A process and its descendants, as this side numbers them. */
function tree(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(tree)];
}

function childrenOf(pid: number): number[] {
  const threads = attempt(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  return threads.flatMap((thread) => {
    const list = attempt(() => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8'));
    return (list ?? '').split(' ').filter(Boolean).map(Number);
  });
}

const namespaceOf = (pid: number | 'self') => attempt(() => readlinkSync(`/proc/${pid}/ns/pid`));

/** Undefined when the process ended while it was looked at. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
