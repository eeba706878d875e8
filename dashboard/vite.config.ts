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
        if (!entry.isFile() || !/\.(js|css|svg|html|txt)$/.test(entry.name)) continue
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

const LICENCE_TEXTS = 'licences.txt'

/**
 * Completes the list of licence texts that Vite writes: where a package keeps its text in its README alone, the text
 * comes from there. A package without any text fails the build, for its licence must go where the package goes.
 */
function licenceTexts(): Plugin {
  return {
    name: 'licence-texts',
    apply: 'build',
    closeBundle() {
      const file = join(outDir, LICENCE_TEXTS)
      const [head, ...entries] = readFileSync(file, 'utf8').split(/\n(?=## \S+ - \d)/)
      const complete = entries.map((entry) => {
        const [title = '', ...text] = entry.split('\n')
        if (text.join('').trim()) return entry
        const name = title.replace(/^## (\S+) - .*$/, '$1')
        const readme = readFileSync(join(here, 'node_modules', name, 'README.md'), 'utf8')
        const [, found] = /^#+ licen[cs]e\s+([\s\S]{200,})$/im.exec(readme) ?? []
        if (!found) throw new Error(`${name} goes into the bundle but brings no licence text`)
        return `${title}\n\n${found.trimEnd()}\n`
      })
      writeFileSync(file, [head, ...complete].join('\n'))
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
  plugins: [vue(), licenceTexts(), precompress()],
  resolve: { alias: { '@': join(here, 'src') } },
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2022',
    manifest: true,
    license: { fileName: LICENCE_TEXTS },
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
