/** A2: a cell that says too much, on any of its ways out, in the sandbox of processes. */
import { expect, test } from 'vitest';
import { commands } from '../support/commands.ts';
import type { Tools } from './contract.ts';

export function floods({ run }: Tools): void {
  const flooded = async (source: string, language: 'bash' | 'python' | 'javascript' = 'python') => {
    const ran = await run(source, language);
    const kept = ran.outputs.reduce(
      (sum, { data, mimeType }) => sum + data.length + mimeType.length,
      0,
    );
    expect([ran.reason, kept < 200_000, ran.outputs.length < 2_000], source).toEqual([
      'output',
      true,
      true,
    ]);
    expect((await run(language === 'bash' ? 'true' : '1', language)).code).toBe(0);
  };
  const report = (fields: string) =>
    `import os, json\nwhile True: os.write(3, (json.dumps(dict(type='output', ${fields})) + '\\n').encode())`;

  test('A2 a line without an end on the control channel ends the run, not the server', async () => {
    await flooded("import os\nwhile True: os.write(3, b'x' * 65536)");
    // The shell's own copy of the channel, which closing 3 does not close.
    await flooded(
      'exec 3>&-; while :; do echo -n xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done >&11',
      'bash',
    );
    await flooded(
      "for (;;) try { require('fs').writeSync(3, 'x'.repeat(65536)); } catch {}",
      'javascript',
    );
  });

  test('A2 endless results, displays and media types count against the output limit', async () => {
    await flooded(report("stream='result', mimeType='text/plain', data='x'"));
    await flooded(report("stream='display', mimeType='text/plain', data=''"));
    await flooded(report("stream='display', mimeType='text/plain', data='x' * 50_000"));
    await flooded(report("stream='display', mimeType='x' * 10_000_000, data='x'"));
    await flooded('import os\nwhile True: os.write(3, b\'{"type":"ready"}\\n\')');
  });

  test('A2 prints without newlines, in turns on both streams, count with what they cost', async () => {
    await flooded("import os\nwhile True: os.write(1, b'x' * 65536)");
    await flooded("import os\nwhile True: os.write(1, b'x'); os.write(2, b'y')");
    await flooded(
      'printf "\\001end %s\\001" "$__kyozo_nonce"; while :; do echo xxxxxxxxxxxxxxxx; done',
      'bash',
    );
  });

  test('A2 a report that is none ends the cell: control characters, nests, other values', async () => {
    for (const line of [
      'json.dumps(dict(type="output", stream="display", mimeType="text/\\0plain", data="x"))',
      'json.dumps(dict(type="output", stream="display", mimeType="text/plain\\r\\nx: y", data="x"))',
      'json.dumps(dict(type="output", stream="display", mimeType="text/" + "x" * 999, data="x"))',
      'json.dumps(dict(type="output", stream="stdout", mimeType="text/plain", data="x"))',
      "'[' * 90_000",
      '\'{"type":\' * 9_000',
      "'{' + ','.join('\"a%d\":1' % i for i in range(9_000)) + '}'",
      "'null'",
    ]) {
      const ran = await run(
        `import json, os, time\nos.write(3, (${line} + '\\n').encode())\ntime.sleep(9)`,
      );
      expect([ran.reason, ran.outputs], line).toEqual(['killed', []]);
    }
  });

  test('A2 a flood from leftovers between two cells ends them', async () => {
    await run('(yes kyozo-flood &); flooding=1', 'bash');
    await expect.poll(() => commands().some((line) => line.includes('kyozo-flood'))).toBe(false);
    expect((await run('echo "[$flooding]"', 'bash')).of('stdout')).toMatch(/^\[\]\n$/);
  });
}
