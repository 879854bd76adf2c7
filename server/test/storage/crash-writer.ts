/** Writes versions until it is killed; prints each one once it has been acknowledged. */
import { randomBytes } from 'node:crypto';
import { openGit } from '../../src/storage/git.ts';

const [root, workspaceId, teamId] = process.argv.slice(2) as [string, string, string];
const store = await openGit(root);
const author = { name: 'Ada', email: 'ada@example.com' };

await Promise.all(Array.from({ length: 4 }, (_, lane) => write(`lane-${lane}`)));

async function write(lane: string): Promise<void> {
  let parent: string | undefined;
  for (let version = 0; ; version++) {
    const body = randomBytes(300 + ((version * 7919) % 9000)).toString('base64');
    const { address, sha256 } = await store.put({ teamId, workspaceId }, Buffer.from(body));
    const path = `${lane}/folder-${version % 7}/file-${version % 50}.txt`;
    const changes = [{ path, address }];
    const date = new Date(version * 1000);
    const request = { parent, changes, author, message: `Version ${version}`, date };
    const { commit } = await store.commit(workspaceId, request);
    if (version % 5 === 0) await store.setRef(workspaceId, `refs/heads/${lane}`, commit);
    console.warn(`${lane} ${version} ${address} ${sha256} ${commit}`);
    parent = commit;
  }
}
