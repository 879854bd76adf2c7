import type { Output } from '../../types/records.ts';

/** Text that continues the last piece joins it, so that a loop of prints is one block. */
export function append(outputs: readonly Output[], output: Output): Output[] {
  const last = outputs.at(-1);
  const joins =
    last?.stream === output.stream && isStream(output) && last.mimeType === output.mimeType;
  return joins
    ? [...outputs.slice(0, -1), { ...last, seq: output.seq, data: last.data + output.data }]
    : [...outputs, output];
}

function isStream({ stream }: Output): boolean {
  return stream === 'stdout' || stream === 'stderr';
}
