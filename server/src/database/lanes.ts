import pg from 'pg';
import { fly, type Shape, type Statement } from './flight.ts';

type Lane = { client: pg.Client; ready: Promise<unknown>; flying: number };

/**
 * A few pipelined connections for reads and single-statement writes. A unit goes to the lane with the
 * fewest in the air; several units of different teams share a lane, since none spans two Syncs.
 */
export class Lanes {
  readonly #config: pg.ClientConfig;
  readonly #lanes: (Lane | undefined)[];
  #closed = false;

  constructor(config: pg.ClientConfig, count: number) {
    this.#config = config;
    this.#lanes = new Array(count).fill(undefined);
  }

  /** Runs the statements as one unit; answers the last one's rows. @throws pg.DatabaseError */
  async fly<Row>(statements: readonly Statement[], shape: Shape): Promise<Row[]> {
    const lane = this.#pick();
    lane.flying += 1;
    try {
      await lane.ready;
      return await fly<Row>(lane.client, statements, shape);
    } finally {
      lane.flying -= 1;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#lanes.map((lane) => lane?.client.end().catch(() => undefined)));
  }

  #pick(): Lane {
    if (this.#closed) throw new Error('The database is closed.');
    const free = this.#lanes.findIndex((lane) => !lane || lane.flying === 0);
    const index = free >= 0 ? free : this.#leastBusy();
    this.#lanes[index] ??= this.#open(index);
    return this.#lanes[index];
  }

  #leastBusy(): number {
    let best = 0;
    this.#lanes.forEach((lane, index) => {
      if (lane!.flying < this.#lanes[best]!.flying) best = index;
    });
    return best;
  }

  #open(index: number): Lane {
    const client = new pg.Client({ ...this.#config, pipeline: true } as pg.ClientConfig);
    const lane: Lane = { client, ready: client.connect(), flying: 0 };
    const forget = () => {
      if (this.#lanes[index] === lane) this.#lanes[index] = undefined;
    };
    // Without a listener a database restart would end the process; the next unit opens a new lane.
    client.on('error', forget);
    client.on('end', forget);
    lane.ready.catch(forget);
    return lane;
  }
}
