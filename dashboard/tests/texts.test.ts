import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Pair, Texts } from '@/i18n'

const SRC = join(import.meta.dirname, '../src')
const AREAS = import.meta.glob<Record<string, Texts>>('../src/texts/*.ts', { eager: true })

/** Keys that arrive as data, so that no source names them: from the server, or from a list in another file. */
const FROM_DATA: Readonly<Record<string, readonly RegExp[]>> = {
  errorTexts: [/^[A-Z_]+$/],
  fieldNames: [/./],
  taskNames: [/./],
  forms: [/^(int|number|range|option|json|required)$/],
  providers: [/^(chat_completion|speech_to_text|text_to_speech|embedding|rerank)$/],
  profiles: [/^(llm|stt|tts|embedding|rerank)$/],
  statistics: [/^(1h|24h|7d|30d|username|provider_id|model|credential|session_id)$/],
  voice: [/^(refused|missing|busy|unknown)(Title|Body)$/, /^(hearing|thinking|judging)$/],
  pluginFailures: [/./],
  plugins: [/^(settings|commands|tools|readme|log)$/],
}

interface Table {
  name: string
  texts: Texts
}

const tables: Table[] = Object.values(AREAS).flatMap((module) => Object.entries(module).map(([name, texts]) => ({ name, texts })))
const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.(vue|ts)$/.test(path) && !path.startsWith('texts'))
  .map((path) => readFileSync(join(SRC, path), 'utf8'))

/** The first argument of a call whose opening bracket ends at `from`. */
function argument(source: string, from: number): string {
  let depth = 0
  for (let at = from; at < source.length; at++) {
    const sign = source[at] ?? ''
    if ('([{'.includes(sign)) depth++
    else if (')]}'.includes(sign) && depth-- === 0) return source.slice(from, at)
    else if (sign === ',' && depth === 0) return source.slice(from, at)
  }
  return ''
}

const literals = (source: string): string[] => [...source.matchAll(/'([\w-]+)'/g)].map((match) => match[1] ?? '')

/** Patterns of the keys that one source asks of a table. */
function asked(source: string, name: string): RegExp[] {
  const translator = new RegExp(`const (\\w+) = useText\\(${name}\\)`).exec(source)?.[1]
  if (!translator) return []
  const found: RegExp[] = []
  for (const call of source.matchAll(new RegExp(`(?<![\\w.])${translator}\\(`, 'g'))) {
    const what = argument(source, call.index + call[0].length)
    const keys = literals(what)
    const template = /`([^`]*)`/.exec(what)?.[1]
    if (template !== undefined) found.push(new RegExp(`^${template.replace(/\$\{[^}]*\}/g, '\\w+')}$`))
    // A key from a variable: whatever the file calls by name may be meant.
    else if (!keys.length) keys.push(...literals(source), ...[...source.matchAll(/\b(\w+):/g)].map((match) => match[1] ?? ''))
    found.push(...keys.map((key) => new RegExp(`^${key}$`)))
  }
  return found
}

const holes = (text: string): string[] => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''))].sort()

describe.each(tables.map((table) => [table.name, table.texts] as const))('the texts of %s', (name, texts) => {
  it('stand in both languages, with the same holes to fill', () => {
    for (const [key, pair] of Object.entries(texts) as [string, Pair][]) {
      expect(pair, key).toHaveLength(2)
      expect(pair.every((text) => text.trim() === text && text !== ''), `${key} is empty or has blanks around it`).toBe(true)
      expect(holes(pair[1]), key).toEqual(holes(pair[0]))
    }
  })

  it('are all used', () => {
    const patterns = [...sources.flatMap((source) => asked(source, aliasOf(source, name))), ...(FROM_DATA[name] ?? [])]
    expect(Object.keys(texts).filter((key) => !patterns.some((pattern) => pattern.test(key)))).toEqual([])
  })
})

/** The name under which a source imports a table. */
function aliasOf(source: string, name: string): string {
  return new RegExp(`\\b${name} as (\\w+)`).exec(source)?.[1] ?? name
}

it('every error code of the server has words', () => {
  const errors = readFileSync(join(SRC, '../../astrbot_like/domain/errors.py'), 'utf8')
  const codes = [...errors.matchAll(/^ {4}code(?:: \w+(?:\[\w+\])?)? = "([A-Z_]+)"/gm)].map((match) => match[1] ?? '')
  expect(codes.length).toBeGreaterThan(10)
  const known = tables.find((table) => table.name === 'errorTexts')?.texts ?? {}
  expect(codes.filter((code) => !(code in known))).toEqual([])
})
