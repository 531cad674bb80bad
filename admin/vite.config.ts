import { fileURLToPath } from 'node:url'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import tailwindcss from '@tailwindcss/vite'
import { defineConfig } from 'vitest/config'
import { finishBuild, icons } from './build.ts'

const here = fileURLToPath(new URL('.', import.meta.url)).replace(/\/$/, '')
const dist = process.env.CONSOLE_DIST || fileURLToPath(new URL('../server/holdfast/console/dist', import.meta.url))

export default defineConfig({
  base: './',
  plugins: [icons(here), svelte({ compilerOptions: { discloseVersion: false } }), tailwindcss(), finishBuild(here, dist)],
  html: { cspNonce: '{{nonce}}' },
  build: {
    outDir: dist,
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    license: { fileName: 'assets/licences.md' },
    rollupOptions: {
      output: {
        // Stable names, so that a rebuild adds little to the history of the repository: the server puts a digest
        // of all of them into their addresses.
        entryFileNames: 'assets/[name].js',
        chunkFileNames: 'assets/[name].js',
        assetFileNames: 'assets/[name][extname]',
        // What many screens share comes in one file: of its own, each small part costs its list of imports and a request.
        codeSplitting: {
          groups: [{ name: 'shared', test: /src\/(ui\/(Shape|Field|TextField|SelectField|Copy|Tabs|Glyph|Mark)\.svelte|ui\/(clipboard|rowKeys)|app\/(drafts|watching|polling))|lucide/, minShareCount: 3 }],
        },
      },
    },
  },
  // `npm run dev` beside a server on its usual port.
  server: { proxy: { '/api': 'http://127.0.0.1:8090' } },
  test: { include: ['tests/**/*.test.ts'] },
})
