import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const installed = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** A Chromium without a window: the machine's own where there is one, else the one from npm. */
export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: installed.find((path) => existsSync(path)) ?? (await unpacked()),
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
}

/** Unpacks the browser of the package, and the fonts that lie beside it. */
async function unpacked(): Promise<string> {
  const { default: packed } = await import('@sparticuz/chromium');
  const path = await packed.executablePath();
  const fonts = join(tmpdir(), 'fonts');
  if (existsSync(fonts)) process.env['FONTCONFIG_PATH'] ??= fonts;
  return path;
}
