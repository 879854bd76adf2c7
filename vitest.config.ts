import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// Tests start the product's own processes by the hundred: what Node has compiled once it keeps.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules/.cache/compiled');

// What goes wrong in any process that a test starts is noted, and the last test of all looks at it.
process.env.FAULTS_FOLDER ??= mkdtempSync(join(tmpdir(), 'kyozo-faults-'));
const preload = new URL('server/test/support/note-faults.mjs', import.meta.url).href;
if (!process.env.NODE_OPTIONS?.includes(preload))
  process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --import ${preload}`.trim();

export default defineConfig({
  test: {
    pool: 'forks',
    // The machine that has to pass them has two cores, and tests also wait.
    maxWorkers: 3,
    // As Node runs the product: nothing is transformed, and nothing is there twice.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    // The server's modules are loaded once for all the files of a worker; no test replaces one.
    isolate: false,
    // A condition is waited for as long as Playwright waits, not for a second.
    expect: { poll: { timeout: 25_000 } },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            '{resource,markdown,elim,cli,web}/test/**/*.test.ts',
            'server/test/{spawn,storage,runtimes}/**/*.test.ts',
            'test/{layers,mutants,schemas,threats}.test.ts',
          ],
          exclude: ['server/test/storage/s3/**'],
        },
      },
      {
        extends: true,
        test: {
          name: 'server',
          include: [
            'server/test/{accounts,api,collaboration,database,events,git,jobs,mail,media,threats,uploads,archives,workspaces,start}/**/*.test.ts',
          ],
          globalSetup: ['server/test/support/cluster.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 's3',
          include: ['server/test/storage/s3/**/*.test.ts'],
          globalSetup: ['server/test/support/cluster.ts', 'server/test/support/ceph.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          testTimeout: 120_000,
        },
      },
      // By itself, because it looks at how quickly the server answers.
      {
        extends: true,
        test: {
          name: 'hostile',
          include: ['test/hostile.test.ts'],
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'last',
          include: ['test/whole-suite.test.ts'],
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
