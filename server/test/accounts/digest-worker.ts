import { Database } from '../../src/database/database.ts';
import { Queue } from '../../src/jobs/queue.ts';
import { sendDigests } from '../../src/jobs/tasks/mail-notifications.ts';
import { createPost } from '../../src/jobs/tasks/send-mail.ts';
import { createLog } from '../../src/log.ts';

/** Mails digests and stops in the middle of the transaction; the test kills it there. */
const [url, secretKey] = process.argv.slice(2) as [string, string];
const queue = await Queue.open(url, createLog('silent'));
const database = new Database({ connectionString: url }, { lanes: 1, pool: 2 });
const post = createPost(queue, secretKey);
const task = sendDigests({
  database,
  publicUrl: 'http://127.0.0.1',
  async post(mail, within) {
    await post(mail, within);
    process.stdout.write('posted\n');
    await new Promise(() => undefined);
  },
});
await task.run({ id: '', data: {}, signal: new AbortController().signal });
