/**
 * Model text to safe HTML, block by block, so that a reply that grows redraws only its last block.
 * Raw HTML in the text is shown as text; what markdown-it makes passes DOMPurify all the same.
 */
import DOMPurify from 'dompurify'
import MarkdownIt from 'markdown-it'
import { mathRules } from './markdownMath'

export interface Labels {
  copy: string
  image: string
}

const md = new MarkdownIt({ html: false, linkify: true, breaks: true, typographer: false })
md.use(mathRules)

const escape = md.utils.escapeHtml

md.renderer.rules.link_open = (tokens, index, options, _env, self) => {
  const token = tokens[index]
  token?.attrSet('target', '_blank')
  token?.attrSet('rel', 'noopener noreferrer nofollow')
  return self.renderToken(tokens, index, options)
}

/** An image of another host would tell that host who reads: it becomes a link that the reader may follow. */
md.renderer.rules.image = (tokens, index, _options, env: { labels: Labels }) => {
  const token = tokens[index]
  const src = token?.attrGet('src') ?? ''
  const label = token?.content || env.labels.image
  return `<a href="${escape(src)}" target="_blank" rel="noopener noreferrer nofollow">${escape(label)}</a>`
}

md.renderer.rules.fence = (tokens, index, _options, env: { labels: Labels }) => {
  const token = tokens[index]
  return codeBlock(token?.content ?? '', (token?.info ?? '').trim().split(/\s+/)[0] ?? '', env.labels)
}

md.renderer.rules.code_block = (tokens, index, _options, env: { labels: Labels }) => codeBlock(tokens[index]?.content ?? '', '', env.labels)

/** Columns are aligned by an attribute, for the sanitiser lets no style through. */
for (const rule of ['th_open', 'td_open']) {
  md.renderer.rules[rule] = (tokens, index, options, _env, self) => {
    const token = tokens[index]
    const side = /text-align:(left|center|right)/.exec(token?.attrGet('style') ?? '')?.[1]
    if (token && side) token.attrs = [['align', side]]
    return self.renderToken(tokens, index, options)
  }
}

md.renderer.rules.table_open = () => '<div class="table" tabindex="0"><table>'
md.renderer.rules.table_close = () => '</table></div>'

function codeBlock(code: string, language: string, labels: Labels): string {
  return (
    `<div class="code" data-lang="${escape(language)}"><div class="code-head"><span>${escape(language || 'text')}</span>` +
    `<button type="button" class="code-copy">${escape(labels.copy)}</button></div>` +
    `<pre tabindex="0"><code>${escape(code.replace(/\n$/, ''))}</code></pre></div>`
  )
}

const CONFIG = {
  ALLOWED_TAGS: [
    ...['p', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'ul', 'ol', 'li', 'blockquote', 'strong', 'em', 's', 'del', 'code', 'pre'],
    ...['table', 'thead', 'tbody', 'tr', 'th', 'td', 'a', 'div', 'span', 'button', 'sup', 'sub'],
  ],
  ALLOWED_ATTR: ['href', 'target', 'rel', 'class', 'data-lang', 'data-tex', 'tabindex', 'type', 'start', 'align'],
  // Every other attribute's value would have to be an address of the form below, or be dropped.
  ADD_URI_SAFE_ATTR: ['target', 'rel', 'tabindex', 'type', 'start', 'align'],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto|tel):/i,
}

export interface RenderedBlock {
  raw: string
  html: string
}

/** The HTML of each top-level block. Blocks that are in `known` (by what markdown-it made) skip the sanitiser. */
export function renderBlocks(text: string, labels: Labels, known?: ReadonlyMap<string, string>): RenderedBlock[] {
  const env = { labels }
  const tokens = md.parse(text, env)
  const blocks: RenderedBlock[] = []
  let start = 0
  let depth = 0
  for (let index = 0; index < tokens.length; index++) {
    depth += tokens[index]?.nesting ?? 0
    if (depth > 0) continue
    const raw = md.renderer.render(tokens.slice(start, index + 1), md.options, env)
    start = index + 1
    blocks.push({ raw, html: known?.get(raw) ?? DOMPurify.sanitize(raw, CONFIG) })
  }
  return blocks
}
