/** One measured path: ours, and the floor or peer that ran beside it. */
export type Row = {
  name: string;
  ours: number;
  peer: number;
  peerName: string;
  ratio: number;
  note?: string;
};

export const row = (
  name: string,
  ours: number,
  peer: number,
  peerName: string,
  note?: string,
): Row => ({
  name,
  ours,
  peer,
  peerName,
  ratio: ours / peer,
  note,
});

/** Prints rows with their ratio; absolute figures only mean something beside each other. */
export function print(rows: readonly Row[]): void {
  for (const { name, ours, peer, peerName, ratio, note } of rows) {
    const figures = `${Math.round(ours)} beside ${Math.round(peer)} (${peerName})`;
    console.log(
      `${name.padEnd(44)} ${ratio.toFixed(2).padStart(7)} ×   ${figures}${note ? `   ${note}` : ''}`,
    );
  }
}

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
