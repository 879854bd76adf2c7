/**
 * Loaded before every Node process that the suite starts, the server's own processes among them: notes
 * an uncaught error or rejection as a file, which the last test of the suite finds.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.env.FAULTS_FOLDER;
if (folder)
  process.on('uncaughtExceptionMonitor', (error, origin) => {
    const text = `${origin} in ${process.argv.slice(1).join(' ')}\n${error?.stack ?? error}\n\n`;
    appendFileSync(join(folder, `${process.pid}.txt`), text);
  });
