// Prints what the login and chat pages load at first, compressed, and fails over the budget.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BUDGET_KIB = 300
const web = fileURLToPath(new URL('../../astrbot_like/web', import.meta.url))
const manifest = JSON.parse(readFileSync(join(web, '.vite/manifest.json'), 'utf8'))

const files = new Set()
const visit = (key) => {
  const chunk = manifest[key]
  if (!chunk || files.has(chunk.file)) return
  files.add(chunk.file)
  for (const css of chunk.css ?? []) files.add(css)
  for (const next of chunk.imports ?? []) visit(next)
}
for (const key of ['index.html', 'src/pages/LoginPage.vue', 'src/pages/ChatPage.vue']) {
  if (!manifest[key]) throw new Error(`${key} is not in the manifest; was its route renamed?`)
  visit(key)
}
const size = (file, suffix) => {
  const path = join(web, file + suffix)
  return statSync(existsSync(path) ? path : join(web, file)).size
}
const totals = { gz: 0, br: 0, css: 0 }
for (const file of [...files].sort((a, b) => size(b, '.gz') - size(a, '.gz'))) {
  console.log(`${(size(file, '.gz') / 1024).toFixed(1).padStart(8)} KiB gzip  ${file}`)
  if (file.endsWith('.js')) {
    totals.gz += size(file, '.gz')
    totals.br += size(file, '.br')
  } else totals.css += size(file, '.gz')
}
const kib = (n) => (n / 1024).toFixed(1)
console.log(`login + chat: script ${kib(totals.gz)} KiB gzip, ${kib(totals.br)} KiB brotli; style ${kib(totals.css)} KiB gzip; budget ${BUDGET_KIB} KiB of script`)
if (totals.gz > BUDGET_KIB * 1024) process.exit(1)
