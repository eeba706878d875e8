import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import vue from '@vitejs/plugin-vue'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

const here = fileURLToPath(new URL('.', import.meta.url))
const outDir = join(here, '../astrbot_like/web')

/** Writes `x.br` and `x.gz` beside every text asset, so that the server compresses nothing while it serves. */
function precompress(): Plugin {
  return {
    name: 'precompress',
    apply: 'build',
    closeBundle() {
      for (const entry of readdirSync(outDir, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(js|css|svg|html)$/.test(entry.name)) continue
        const file = join(entry.parentPath, entry.name)
        const bytes = readFileSync(file)
        if (bytes.length < 1024) continue
        writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }))
        const params = { [constants.BROTLI_PARAM_QUALITY]: bytes.length > 1_000_000 ? 9 : 11 }
        writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params }))
      }
    },
  }
}

const backend = process.env.BACKEND ?? 'http://127.0.0.1:6185'

/** Name, version and licence of what the page is made of, for its about page. */
function webLibraries(): { name: string; version: string; licence: string }[] {
  const read = (path: string): { version: string; license: string; dependencies: Record<string, string> } => JSON.parse(readFileSync(join(here, path), 'utf8'))
  return Object.keys(read('package.json').dependencies).map((name) => {
    const { version, license } = read(`node_modules/${name}/package.json`)
    return { name, version, licence: license }
  })
}

export default defineConfig({
  define: { __WEB_LIBRARIES__: JSON.stringify(webLibraries()) },
  plugins: [vue(), precompress()],
  resolve: { alias: { '@': join(here, 'src') } },
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    manifest: true,
    // A data: URL would need a hole in the Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
  },
  server: { proxy: { '/api': { target: backend, ws: true }, '/healthz': backend } },
  test: {
    environment: 'happy-dom',
    include: ['tests/**/*.test.ts'],
    restoreMocks: true,
  },
})
