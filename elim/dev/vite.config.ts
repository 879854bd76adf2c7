import { svelte } from '@sveltejs/vite-plugin-svelte';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vite';

/** A page to try the editor on: `npx vite elim/dev`. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [tailwindcss(), svelte({ configFile: false, compilerOptions: { runes: true } })],
  server: { host: '127.0.0.1' },
});
