import { fileURLToPath } from 'node:url';
import chromium from '@sparticuz/chromium';
import { type Browser, type Page, chromium as playwright } from 'playwright-core';
import { createServer, type ViteDevServer } from 'vite';

/** A real Chromium and the page in `elim/dev`. */
export class Stage {
  #vite: ViteDevServer;
  #browser: Browser;

  private constructor(vite: ViteDevServer, browser: Browser) {
    this.#vite = vite;
    this.#browser = browser;
  }

  static async open(): Promise<Stage> {
    const folder = fileURLToPath(new URL('../dev', import.meta.url));
    const vite = await createServer({
      root: folder,
      configFile: `${folder}/vite.config.ts`,
      server: { port: 0, host: '127.0.0.1', ws: false },
      logLevel: 'error',
    });
    await vite.listen();
    const browser = await playwright.launch({
      executablePath: await chromium.executablePath(),
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
    return new Stage(vite, browser);
  }

  /** The page with the query, in a browser profile of its own. */
  async page(query: Record<string, string> = {}): Promise<Page> {
    const context = await this.#browser.newContext({ viewport: { width: 1100, height: 900 } });
    const page = await context.newPage();
    await page.goto(`${this.#vite.resolvedUrls!.local[0]}?${new URLSearchParams(query)}`);
    await page.locator('.elim-text').waitFor();
    return page;
  }

  /** Closes the pages of one test. */
  async clear(): Promise<void> {
    await Promise.all(this.#browser.contexts().map((context) => context.close()));
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#vite.close();
  }
}

/** The document of a page as Markdown, saved over what it was opened with. */
export const markdown = (page: Page): Promise<string> =>
  page.evaluate(() => (window as unknown as { markdown(): string }).markdown());

/** Chromium tells of a new selection with the next frame, later than a script can press a key. */
export const settled = (page: Page): Promise<void> =>
  page.evaluate(
    () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))),
  );
