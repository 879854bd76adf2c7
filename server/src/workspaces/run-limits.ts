import { invalid, KyozoError } from '@kyozo/resource';
import type { CellLimits } from '../config.ts';

/** Who has asked for something: a person, or a team's key, and in which team. */
export type Owner = { person: string; teamId: string };
export type OpenSession = Owner & { notebookId: string; busy: boolean; usedAt: number };

/** Seconds that one cell may take when nobody said how long. */
const DEFAULT_TIMEOUT = 300;
/** Seconds after which it is worth to ask again. */
const RETRY_AFTER = 30;

/** @throws KyozoError `too_many` when a person or a team has as many runs as they may */
export function checkRuns(owner: Owner, runs: readonly Owner[], limits: CellLimits): void {
  const { person, team } = count(owner, runs);
  if (person >= limits.runsPerPerson)
    throw tooMany(`You have ${person} runs that wait or run; let some end first.`);
  if (team >= limits.runsPerTeam)
    throw tooMany(`Your team has ${team} runs that wait or run; let some end first.`);
}

/**
 * The notebooks whose unused sessions end to make room for one more, the longest unused first.
 * @throws KyozoError `too_many` when all of them are in use
 */
export function makeRoom(
  owner: Owner,
  sessions: readonly OpenSession[],
  limits: CellLimits,
): string[] {
  const ended: string[] = [];
  const room = (mine: readonly OpenSession[], most: number, whose: string) => {
    const left = mine.filter((one) => !ended.includes(one.notebookId));
    const unused = left.filter((one) => !one.busy).sort((a, b) => a.usedAt - b.usedAt);
    const excess = left.length + 1 - most;
    if (excess > unused.length)
      throw tooMany(`${whose} ${left.length} notebooks that run; let one end first.`);
    ended.push(...unused.slice(0, Math.max(0, excess)).map((one) => one.notebookId));
  };
  const { person, teamId } = owner;
  room(
    sessions.filter((one) => one.person === person),
    limits.sessionsPerPerson,
    'You have',
  );
  room(
    sessions.filter((one) => one.teamId === teamId),
    limits.sessionsPerTeam,
    'Your team has',
  );
  return ended;
}

/** Milliseconds for the whole run and for each of its cells. @throws KyozoError `invalid` above the limit */
export function timeLimits(
  timeout: number | undefined,
  { runTimeout }: CellLimits,
): { run: number; cell: number } {
  if (timeout !== undefined && timeout > runTimeout)
    throw invalid(`timeout must be at most ${runTimeout}.`, {
      pointer: '/data/attributes/timeout',
    });
  const cell = timeout ?? Math.min(DEFAULT_TIMEOUT, runTimeout);
  return { run: (timeout ?? runTimeout) * 1_000, cell: cell * 1_000 };
}

function count(owner: Owner, all: readonly Owner[]): { person: number; team: number } {
  return {
    person: all.filter((one) => one.person === owner.person).length,
    team: all.filter((one) => one.teamId === owner.teamId).length,
  };
}

const tooMany = (message: string) =>
  new KyozoError('too_many', message, { meta: { retryAfter: RETRY_AFTER } });
