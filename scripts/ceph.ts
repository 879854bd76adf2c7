/**
 * A real S3 for tests: Ceph's RADOS gateway over one monitor and one OSD on a sparse file, from Debian's
 * packages, on free ports of this machine. `node scripts/ceph.ts FOLDER` runs one until Ctrl-C.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const programs = ['ceph', 'ceph-mon', 'ceph-osd', 'monmaptool', 'radosgw', 'radosgw-admin'];
/** How long a part may take to be ready, in milliseconds. */
const patience = 60_000;

export const accessKeyId = 'kyozo-test-access-key';
export const secretAccessKey = 'kyozo-test-secret-access-key';

/** Whether the programs are installed. */
export const hasCeph = (): boolean => programs.every((name) => existsSync(join('/usr/bin', name)));

/** A running Ceph in a folder. */
export class Ceph {
  /** Where S3 is spoken. */
  readonly endpoint: string;
  /** Its settings; another gateway on the same cluster starts from them. */
  readonly conf: string;
  readonly #children = new Map<string, ChildProcess>();

  private constructor(endpoint: string, conf: string) {
    this.endpoint = endpoint;
    this.conf = conf;
  }

  /** @throws Error when a part does not start, with what it printed */
  static async start(folder: string): Promise<Ceph> {
    const { ceph, started } = await Ceph.begin(folder);
    await started;
    return ceph;
  }

  /** The same without waiting: where it will answer is known at once, and `started` says when it does. */
  static async begin(folder: string): Promise<{ ceph: Ceph; started: Promise<void> }> {
    const [monitor, port] = [await freePort(), await freePort()];
    for (const name of ['run', 'mon', 'osd', 'rgw']) await mkdir(join(folder, name));
    const conf = join(folder, 'ceph.conf');
    const [fsid, osd] = [randomUUID(), randomUUID()];
    await writeFile(conf, settings(folder, fsid, monitor));
    const ceph = new Ceph(`http://127.0.0.1:${port}`, conf);
    const started = ceph.#startAll(folder, { monitor, fsid, osd }).catch(async (error) => {
      await ceph.stop();
      throw error;
    });
    return { ceph, started };
  }

  /** One more gateway of one's own on a cluster that runs, to be killed without harm to others. */
  static async attach(conf: string): Promise<Ceph> {
    const ceph = new Ceph(`http://127.0.0.1:${await freePort()}`, conf);
    await ceph.startGateway();
    return ceph;
  }

  /** Starts the gateway, at first or after it was killed, and waits until it answers. */
  async startGateway(): Promise<void> {
    const child = this.#start(
      'radosgw',
      ...['-n', 'client.admin'],
      `--rgw-frontends=beast endpoint=${new URL(this.endpoint).host}`,
    );
    const end = performance.now() + patience;
    while (child.exitCode === null && performance.now() < end) {
      const answered = await fetch(this.endpoint).then(
        () => true,
        () => false,
      );
      if (answered) return;
      await pause(50);
    }
    throw new Error('radosgw did not start.');
  }

  /** Kills the gateway without warning; the rest of Ceph goes on. */
  killGateway(): Promise<void> {
    return this.#end('radosgw', 'SIGKILL');
  }

  async stop(): Promise<void> {
    // Nobody needs what is in it: a clean end of an OSD takes seconds.
    for (const name of [...this.#children.keys()].reverse()) await this.#end(name, 'SIGKILL');
  }

  async #startAll(
    folder: string,
    { monitor, fsid, osd }: { monitor: number; fsid: string; osd: string },
  ): Promise<void> {
    const map = join(folder, 'monmap');
    const address = `[v2:127.0.0.1:${monitor}]`;
    await run('monmaptool', ['--create', '--fsid', fsid, '--addv', 'a', address, map]);
    const keyring = join(folder, 'keyring');
    await makeKeys(keyring);
    await this.#run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring);
    this.#start('ceph-mon', '-i', 'a');
    const secrets = join(folder, 'osd.json');
    const secret = (await run('ceph-authtool', ['--gen-print-key'])).stdout.trim();
    await run('ceph-authtool', [keyring, '-n', 'osd.0', '--add-key', secret]);
    await writeFile(secrets, JSON.stringify({ cephx_secret: secret }));
    await this.#run('ceph', 'osd', 'new', osd, '-i', secrets);
    await this.#run('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osd);
    this.#start('ceph-osd', '-i', '0');
    const keys = ['--access-key', accessKeyId, '--secret-key', secretAccessKey];
    const user = ['--uid', 'kyozo', '--display-name', 'Kyozo', ...keys];
    await this.#run('radosgw-admin', 'user', 'create', ...user);
    await this.startGateway();
  }

  #start(program: string, ...args: string[]): ChildProcess {
    const child = spawn(program, ['-f', '--conf', this.conf, ...args], { stdio: 'ignore' });
    this.#children.set(program, child);
    return child;
  }

  #run(program: string, ...args: string[]): Promise<unknown> {
    return run(program, ['--conf', this.conf, ...args], { timeout: patience });
  }

  async #end(program: string, signal: NodeJS.Signals): Promise<void> {
    const child = this.#children.get(program);
    this.#children.delete(program);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }
}

/** What the monitor takes in; it refuses a keyring with an OSD that has no capabilities. */
async function makeKeys(keyring: string): Promise<void> {
  const tool = (...args: string[]) => run('ceph-authtool', args);
  const all = ['mon', 'osd', 'mgr'].flatMap((part) => ['--cap', part, 'allow *']);
  await tool('--create-keyring', keyring, '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *');
  await tool(keyring, '--gen-key', '-n', 'client.admin', ...all);
}

/**
 * Without a cache of the gateways: each change of a bucket would be told to all of them, and one that was
 * killed is waited for half a minute.
 */
const settings = (folder: string, fsid: string, monitor: number): string => `
[global]
fsid = ${fsid}
mon host = v2:127.0.0.1:${monitor}/0
ms bind msgr1 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = ${folder}/run
admin socket = ${folder}/run/$name.$pid.asok
log file = ${folder}/$name.log
log to stderr = false
err to stderr = true
keyring = ${folder}/keyring
mon data = ${folder}/mon
osd data = ${folder}/osd
rgw data = ${folder}/rgw
mon allow pool size one = true
mon data avail crit = 0
mon max pg per osd = 1000
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd objectstore = bluestore
osd memory target = 939524096
osd max object name len = 2048
bluestore block size = 8589934592
bluestore block db create = false
bluestore block wal create = false
bluestore cache autotune = false
bluestore cache size = 67108864
rgw enable apis = s3, admin
rgw cache enabled = false
rgw thread pool size = 32
rgw dynamic resharding = false
`;

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

if (import.meta.main) {
  const folder = process.argv[2];
  if (folder === undefined) throw new Error('Usage: node scripts/ceph.ts FOLDER');
  await mkdir(folder, { recursive: true });
  const ceph = await Ceph.start(folder);
  console.log(`S3 at ${ceph.endpoint}, keys ${accessKeyId} and ${secretAccessKey}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void ceph.stop().then(() => process.exit()));
}
