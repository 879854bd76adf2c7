import { type Cell, isMarkdown } from '@kyozo/markdown';

/** A task as its fence says. */
export type TaskValues = {
  name: string;
  language: string;
  source: string;
  attributes: unknown;
  dependsOn: string[];
  position: number;
};

/** The notebook that a text is: its heading, and its tasks in document order. */
export type Found = { heading: string | undefined; tasks: readonly TaskValues[] };
/** Finds the cells of a Markdown text, for a team; undefined where the text takes too much. */
export type FindCells = (teamId: string, text: string) => Promise<Cell[] | undefined>;

/** Tasks of one notebook. Each is a record: 64 KiB could make seven thousand. */
const mostTasks = 1_000;

/**
 * Looks for the notebook in a file's bytes; undefined where there is none. It may take seconds, so it is
 * done before the transaction that writes the file: there it would hold a connection and the workspace.
 */
export async function findNotebook(
  findCells: FindCells,
  teamId: string,
  path: string,
  bytes: Uint8Array,
): Promise<Found | undefined> {
  if (!isMarkdown(path)) return undefined;
  const text = Buffer.from(bytes).toString('utf8');
  // Most texts have no fence, and need not be read for one.
  const cells = /```|~~~/.test(text) ? await findCells(teamId, text) : undefined;
  const tasks = tasksIn(cells ?? []);
  if (tasks.length === 0) return undefined;
  const heading = /^#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$/m.exec(text.slice(0, 20_000))?.[1];
  return { heading, tasks };
}

function tasksIn(cells: readonly Cell[]): TaskValues[] {
  return cells
    .filter((cell) => cell.language)
    .slice(0, mostTasks)
    .map((cell) => ({
      name: cell.name,
      language: cell.language!,
      source: cell.source,
      attributes: cell.attributes,
      dependsOn: (cell.attributes.dependsOn ?? '')
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean),
      position: cell.position,
    }));
}
