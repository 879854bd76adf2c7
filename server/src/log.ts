import { pino } from 'pino';

export type Log = ReturnType<typeof createLog>;

/** The server's log, as JSON lines on standard error; credentials never reach it. */
export const createLog = (level: string) =>
  pino(
    {
      level,
      base: undefined,
      redact: ['req.headers.authorization', 'req.headers.cookie', 'password', '*.password'],
    },
    pino.destination({ dest: 2, sync: true }),
  );
