import { svelte } from '@sveltejs/vite-plugin-svelte';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vite';
import { compressBuild } from './compress-build.ts';

const server = 'http://127.0.0.1:4000';

export default defineConfig({
  root: import.meta.dirname,
  plugins: [tailwindcss(), svelte(), compressBuild()],
  server: {
    host: '127.0.0.1',
    proxy: {
      '/api': { target: server, ws: true },
      '/collaboration': { target: server, ws: true },
      '/git': server,
    },
  },
  build: {
    target: 'es2023',
    outDir: 'dist',
    emptyOutDir: true,
    reportCompressedSize: false,
    // The editor is one large part that loads with the first document; e2e/budget.test.ts holds the rest.
    chunkSizeWarningLimit: 900,
  },
});
