/** What a settled block gets after it is drawn: colours for code, typeset maths, drawn diagrams. Each library comes when first used. */

import type { HLJSApi } from 'highlight.js'
import type Katex from 'katex'
import type { Mermaid } from 'mermaid'

let highlighter: Promise<HLJSApi> | null = null
let typesetter: Promise<typeof Katex> | null = null
let drawer: Promise<Mermaid> | null = null
let drawn = 0

function loadHighlighter(): Promise<HLJSApi> {
  highlighter ??= import('highlight.js/lib/common').then((module) => module.default)
  return highlighter
}

function loadTypesetter(): Promise<typeof Katex> {
  typesetter ??= Promise.all([import('katex'), import('katex/dist/katex.min.css')]).then(([module]) => module.default)
  return typesetter
}

function loadDrawer(): Promise<Mermaid> {
  drawer ??= import('mermaid').then((module) => module.default)
  return drawer
}

const LONGEST_CODE = 100_000

export async function enhance(root: HTMLElement, dark: boolean): Promise<void> {
  const work: Promise<void>[] = []
  for (const block of root.querySelectorAll<HTMLElement>('.code[data-lang]')) {
    if (block.dataset.done === '1') continue
    const language = block.dataset.lang ?? ''
    if (language === 'mermaid') work.push(draw(block, dark))
    else if (language) work.push(colour(block, language))
  }
  for (const formula of root.querySelectorAll<HTMLElement>('.math[data-tex]')) {
    if (formula.dataset.done !== '1') work.push(typeset(formula))
  }
  await Promise.all(work)
}

async function colour(block: HTMLElement, language: string): Promise<void> {
  const code = block.querySelector('code')
  const text = code?.textContent ?? ''
  if (!code || text.length > LONGEST_CODE) return
  block.dataset.done = '1'
  const hljs = await loadHighlighter()
  if (!hljs.getLanguage(language)) return
  // highlight.js escapes the text; its output holds nothing but spans with class names.
  code.innerHTML = hljs.highlight(text, { language, ignoreIllegals: true }).value
}

async function typeset(element: HTMLElement): Promise<void> {
  element.dataset.done = '1'
  const katex = await loadTypesetter()
  const tex = element.dataset.tex ?? ''
  katex.render(tex, element, { displayMode: element.classList.contains('display'), throwOnError: false, trust: false, maxExpand: 500 })
}

async function draw(block: HTMLElement, dark: boolean): Promise<void> {
  const source = block.querySelector('code')?.textContent ?? ''
  block.dataset.done = '1'
  const mermaid = await loadDrawer()
  mermaid.initialize({ startOnLoad: false, securityLevel: 'strict', theme: dark ? 'dark' : 'neutral', fontFamily: 'inherit' })
  drawn += 1
  const id = `diagram-${drawn}`
  try {
    const { svg } = await mermaid.render(id, source)
    const figure = document.createElement('figure')
    figure.className = 'diagram'
    figure.innerHTML = svg
    figure.querySelector('svg')?.setAttribute('role', 'img')
    block.querySelector('pre')?.replaceWith(figure)
  } catch {
    // Not a diagram (yet): its source stays, which is what the author wrote.
    document.getElementById(`d${id}`)?.remove()
  }
}
