import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Two at a time: the machine that has to pass them has two cores.
    pool: 'forks',
    maxWorkers: 2,
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
            'test/**/*.test.ts',
          ],
          exclude: ['server/test/storage/s3/**'],
        },
      },
      {
        extends: true,
        // As Node resolves it: two copies of graphql would not know each other's errors.
        resolve: {
          alias: [
            {
              find: /^graphql$/,
              replacement: join(import.meta.dirname, 'node_modules/graphql/index.js'),
            },
          ],
        },
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
          // One browser and one server at a time.
          fileParallelism: false,
        },
      },
    ],
  },
});
