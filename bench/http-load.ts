import autocannon from 'autocannon';
import type { ShapeName, Side, Team } from './http-sides.ts';
import { median } from './table.ts';

const seconds = 3;
const connections = 32;
export type Figures = { rate: number; p99: number };

/** The sides take turns with a shape, and the median round of each counts. */
export async function compare(
  sides: readonly Side[],
  shape: ShapeName,
  teams: readonly Team[],
  rounds = 3,
): Promise<Figures[]> {
  const results = sides.map(() => [] as Figures[]);
  for (const side of sides) await load(side, shape, teams, 1);
  for (let round = 0; round < rounds; round++) {
    for (const [at, side] of sides.entries()) {
      results[at]!.push(await load(side, shape, teams, seconds));
    }
  }
  return results.map((figures) => ({
    rate: median(figures.map(({ rate }) => rate)),
    p99: median(figures.map(({ p99 }) => p99)),
  }));
}

async function load(
  side: Side,
  shape: ShapeName,
  teams: readonly Team[],
  duration: number,
): Promise<Figures> {
  let next = 0;
  const result = await autocannon({
    url: side.url,
    connections,
    duration,
    requests: [
      {
        setupRequest(request) {
          const team = teams[next++ % teams.length]!;
          const { method, path, body } = side.shapes[shape]!(team);
          const type = path.startsWith('/api/graphql')
            ? { 'content-type': 'application/json' }
            : {};
          const headers = { ...side.headers, ...type, 'kyozo-team': team.team_id };
          return { ...request, method, path, body, headers };
        },
      },
    ],
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${side.name} ${shape}: ${result.non2xx} failed, ${result.errors} errors`);
  return { rate: result.requests.average, p99: result.latency.p99 };
}
