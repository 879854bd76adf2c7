import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { sandboxed } from '../runtimes/process/sandbox.ts';
import { seccompFilter } from '../runtimes/process/seccomp.ts';
import { DEFAULT_LIMITS } from '../runtimes/runtime.ts';
import { giveTo, nextSandboxUser } from '../runtimes/sandbox-user.ts';
import { layOut } from '../spawn/layout.ts';
import { sheltered } from '../spawn/shelter.ts';
import type { Spawner } from '../spawn/spawner.ts';

/** What a picture is, and a smaller one of it: at most `side` pixels a side, WebP, without metadata. */
export type Picture = { width: number; height: number; format: string; thumbnail: Buffer };

/** The bytes are no picture that can be read: broken, too large, or of another kind. */
export class PictureRefused extends Error {}

const side = 512;
/** A picture of more pixels is refused by its header, before anything of it is decoded. */
const mostPixels = 100_000_000;
/** Milliseconds that one picture may take. */
const longest = 20_000;

type Place = {
  bwrap: string;
  spawner: Spawner;
  filter: string | undefined;
  node: string;
  loops: string;
};

/**
 * Reads pictures with libvips in the same sandbox that cells run in: its decoders are the kind of code
 * that hostile files are made for. There is none without a sandbox.
 */
export class PictureReader {
  readonly #place: Place;

  private constructor(place: Place) {
    this.#place = place;
  }

  /** Lays out what the sandbox's user must be able to read. */
  static async open(spawner: Spawner, bwrap: string): Promise<PictureReader> {
    const calls = seccompFilter();
    const folder = await layOut('pictures', async (into) => {
      const worker = fileURLToPath(new URL('./picture-worker.mjs', import.meta.url));
      await cp(worker, join(into, 'worker/worker.mjs'));
      for (const [name, path] of await packagesOf('sharp')) {
        await cp(path, join(into, 'worker/node_modules', name), { recursive: true });
      }
      if (calls) await writeFile(join(into, 'seccomp'), calls, { mode: 0o444 });
    });
    const filter = calls && join(folder, 'seccomp');
    const node = await sheltered(process.execPath, `node-${process.version}`);
    return new PictureReader({ spawner, bwrap, filter, loops: join(folder, 'worker'), node });
  }

  /** @throws PictureRefused with a sentence for people */
  async read(content: Readable): Promise<Picture> {
    const directory = await mkdtemp(join(tmpdir(), 'kyozo-picture-'));
    const user = nextSandboxUser();
    try {
      if (user !== undefined) await giveTo(directory, user);
      return await this.#run(content, directory, user);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  async #run(content: Readable, directory: string, user: number | undefined): Promise<Picture> {
    const worker = '/opt/kyozo/loops/worker.mjs';
    const [program, ...args] = sandboxed(
      { ...this.#place, directory, limits: DEFAULT_LIMITS, bindMemory: false },
      ['/opt/kyozo/bin/node', '--no-warnings', worker, String(side), String(mostPixels)],
    );
    const env = { PATH: '/usr/local/bin:/usr/bin:/bin' };
    const child = this.#place.spawner.spawn(program!, args, {
      cwd: '/',
      env,
      uid: user,
      gid: user,
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), longest);
    try {
      const [output, complaint, { code }] = await Promise.all([
        buffer(child.stdout),
        text(child.stderr),
        child.exited,
        // The worker may end before it has read all; what it says then tells why.
        pipeline(content, child.stdin).catch(() => undefined),
      ]);
      if (code !== 0) throw new PictureRefused(complaint || 'The picture took too long to read.');
      const end = output.indexOf(10);
      const facts = JSON.parse(output.toString('utf8', 0, end)) as Omit<Picture, 'thumbnail'>;
      return { ...facts, thumbnail: output.subarray(end + 1) };
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A package and what it needs, as far as it is installed, by name. */
async function packagesOf(name: string, from = import.meta.dirname): Promise<Map<string, string>> {
  const path = await folderOf(name, from);
  if (!path) return new Map();
  const found = new Map([[name, path]]);
  const { dependencies = {}, optionalDependencies = {} } = JSON.parse(
    await readFile(join(path, 'package.json'), 'utf8'),
  ) as Record<'dependencies' | 'optionalDependencies', Record<string, string> | undefined>;
  for (const other of Object.keys({ ...dependencies, ...optionalDependencies })) {
    for (const [each, at] of await packagesOf(other, path)) found.set(each, at);
  }
  return found;
}

async function folderOf(name: string, from: string): Promise<string | undefined> {
  for (let at = from; ; at = dirname(at)) {
    const path = join(at, 'node_modules', name);
    const found = await readFile(join(path, 'package.json')).catch(() => undefined);
    if (found) return path;
    if (at === dirname(at)) return undefined;
  }
}
