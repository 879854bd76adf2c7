import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/** The headless shell takes a third less of the processor than a whole browser. */
const installed = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'].map(
  (name) => `/usr/bin/${name}`,
);

/** A Chromium without a window: the machine's own where there is one, else the one from npm. */
export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: installed.find((path) => existsSync(path)) ?? (await unpacked()),
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
}

/** Unpacks the browser of the package, and lets it see its own fonts beside the machine's. */
async function unpacked(): Promise<string> {
  const { default: packed } = await import('@sparticuz/chromium');
  const path = await packed.executablePath();
  const config = join(tmpdir(), 'kyozo-fonts.conf');
  await writeFile(config, fontConfig(join(tmpdir(), 'fonts')));
  process.env.FONTCONFIG_FILE ??= config;
  return path;
}

function fontConfig(packed: string): string {
  const prefer = (family: string, font: string) =>
    `<alias binding="strong"><family>${family}</family><prefer><family>${font}</family></prefer></alias>`;
  return `<?xml version="1.0"?>
<fontconfig>
  <dir>${packed}</dir><dir>/usr/share/fonts/truetype/dejavu</dir><cachedir>${join(tmpdir(), 'kyozo-font-cache')}</cachedir>
  ${['system-ui', 'sans-serif'].map((family) => prefer(family, 'Open Sans')).join('')}
  ${['ui-monospace', 'monospace'].map((family) => prefer(family, 'DejaVu Sans Mono')).join('')}
</fontconfig>
`;
}
