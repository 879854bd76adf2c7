const never = (name, from, to, comment) => ({
  name,
  severity: 'error',
  comment,
  from: { path: from },
  to: { path: to },
});
const packages = '^(markdown|elim|server|web|cli)/';

/** Layers point one way (docs/architecture.md). `test/layers.test.ts` runs these rules. */
export default {
  forbidden: [
    {
      name: 'no-cycle',
      severity: 'error',
      // A place that the router loads when visited may name the router: nothing waits for itself.
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['dynamic-import'] } },
    },
    never('kernel-knows-nobody', '^resource/src', packages, 'The kernel is data in, data out.'),
    {
      name: 'kernel-has-no-io',
      severity: 'error',
      from: { path: '^resource/src' },
      to: { dependencyTypes: ['core', 'npm'] },
    },
    never(
      'markdown-knows-nobody',
      '^markdown/src',
      '^(resource|elim|server|web|cli)/',
      'Used by all, on the server and in the browser.',
    ),
    never(
      'editor-knows-the-model-only',
      '^elim/src',
      '^(resource|server|web|cli)/',
      'elim is a package of its own.',
    ),
    never(
      'web-knows-the-api-only',
      '^web/src',
      '^(resource|server|cli)/',
      'The app is a client like any other.',
    ),
    never('server-knows-no-client', '^server/src', '^(elim|web|cli)/', ''),
    never(
      'parts-know-no-domain',
      '^server/src/(spawn|storage|runtimes)/',
      '^server/src/(database|events|accounts|workspaces|collaboration|api)/',
      'They take their settings as arguments.',
    ),
    never(
      'database-knows-no-domain',
      '^server/src/database/',
      '^server/src/(events|accounts|workspaces|collaboration|api|storage|runtimes)/',
      '',
    ),
    never(
      'domains-know-no-edge',
      '^server/src/(events|accounts|workspaces|collaboration)/',
      '^server/src/api/',
      'Edges know domains, not the other way round.',
    ),
    {
      name: 'only-main-knows-all',
      severity: 'error',
      from: { path: '^server/src/(?!main\\.ts$)' },
      to: { path: '^server/src/main\\.ts$' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|test|dev)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['types', 'svelte', 'import', 'default'],
      extensions: ['.ts', '.js', '.svelte'],
    },
  },
};
