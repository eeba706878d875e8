/** Rules that find `$…$`, `$$…$$`, `\(…\)` and `\[…\]` and leave them as elements for the maths renderer. */
import type MarkdownIt from 'markdown-it'

const INLINE: readonly [open: string, close: string, display: boolean][] = [
  ['$$', '$$', true],
  ['\\[', '\\]', true],
  ['\\(', '\\)', false],
  ['$', '$', false],
]

export function mathRules(md: MarkdownIt): void {
  md.inline.ruler.before('escape', 'math', (state, silent) => {
    for (const [open, close, display] of INLINE) {
      if (!state.src.startsWith(open, state.pos)) continue
      const from = state.pos + open.length
      const end = state.src.indexOf(close, from)
      if (end < 0 || end === from) continue
      const tex = state.src.slice(from, end)
      // "$5 and $6" is money: a formula touches its signs, and no digit follows the closing one.
      if (open === '$' && (/^\s|\s$/.test(tex) || /\d/.test(state.src[end + 1] ?? ''))) continue
      if (!silent) {
        const token = state.push('math', '', 0)
        token.content = tex.trim()
        token.meta = { display }
      }
      state.pos = end + close.length
      return true
    }
    return false
  })

  md.block.ruler.before('fence', 'math_block', (state, startLine, endLine, silent) => {
    const line = (index: number): string => state.src.slice((state.bMarks[index] ?? 0) + (state.tShift[index] ?? 0), state.eMarks[index])
    const first = line(startLine).trim()
    const close = first.startsWith('$$') ? '$$' : first.startsWith('\\[') ? '\\]' : ''
    if (!close) return false
    const body: string[] = []
    let text = first.slice(2)
    let next = startLine
    for (;;) {
      const at = text.indexOf(close)
      if (at >= 0) {
        if (text.slice(at + 2).trim()) return false
        body.push(text.slice(0, at))
        break
      }
      body.push(text)
      next += 1
      if (next >= endLine) return false
      text = line(next)
    }
    if (silent) return true
    const token = state.push('math', '', 0)
    token.content = body.join('\n').trim()
    token.meta = { display: true, block: true }
    state.line = next + 1
    return true
  })

  md.renderer.rules.math = (tokens, index) => {
    const token = tokens[index]
    const tex = md.utils.escapeHtml(token?.content ?? '')
    const { display, block } = (token?.meta ?? {}) as { display?: boolean; block?: boolean }
    const tag = block ? 'div' : 'span'
    return `<${tag} class="math${display ? ' display' : ''}" data-tex="${tex}">${tex}</${tag}>`
  }
}
