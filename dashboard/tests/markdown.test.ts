import { describe, expect, it } from 'vitest'
import { renderBlocks } from '@/lib/markdown'

const labels = { copy: 'Copy', image: 'Image' }
const html = (text: string): string => renderBlocks(text, labels).map((block) => block.html).join('')

/** What a browser would make of it: elements and attributes, not strings. */
function dom(text: string): HTMLElement {
  const root = document.createElement('div')
  root.innerHTML = html(text)
  return root
}

/** The structure before the sanitiser, of which happy-dom's node iterator always drops the first element. */
function structure(text: string): HTMLElement {
  const root = document.createElement('div')
  root.innerHTML = renderBlocks(text, labels).map((block) => block.raw).join('')
  return root
}

describe('markdown', () => {
  it.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '<svg onload=alert(1)><style>*{}</style></svg>',
    '<iframe src="javascript:alert(1)"></iframe>',
    '[x](javascript:alert(1))',
    '[x](JaVaScRiPt:alert(1))',
    '[x](data:text/html;base64,PHNjcmlwdD4=)',
    '![x](javascript:alert(1))',
    '![x](https://evil.example/pixel.png)',
    '<a href="https://x" onclick="alert(1)">x</a>',
    '```js"><script>alert(1)</script>\ncode\n```',
    '$\\href{javascript:alert(1)}{x}$',
    '$<img src=x onerror=alert(1)>$',
    '| a |\n| - |\n| <script>1</script> |',
    '**bold',
    '```\nnever closed',
    '[a]: javascript:alert(1)\n\n[a]',
  ])('renders %j harmlessly', (text) => {
    const root = dom(text)
    expect(root.querySelectorAll('script, img, svg, iframe, style, object, form, input').length).toBe(0)
    for (const element of root.querySelectorAll('*')) {
      for (const attribute of element.attributes) {
        expect(attribute.name.startsWith('on')).toBe(false)
        if (attribute.name === 'href') expect(attribute.value).toMatch(/^(https?|mailto|tel):/)
      }
    }
  })

  it('opens links elsewhere and tells them nothing', () => {
    expect(dom('see https://example.org').querySelector('a')?.getAttribute('rel')).toBe('noopener noreferrer nofollow')
  })

  it('finds formulas and leaves money alone', () => {
    expect(structure('Euler: $e^{i\\pi}=-1$').querySelector('.math')?.getAttribute('data-tex')).toBe('e^{i\\pi}=-1')
    expect(structure('$$\na+b\n$$').querySelector('div.math.display')?.getAttribute('data-tex')).toBe('a+b')
    expect(structure('It costs $5 and $6.').querySelector('.math')).toBeNull()
    expect(structure('\\(x\\) and \\[y\\]').querySelectorAll('.math')).toHaveLength(2)
  })

  it('keeps unchanged blocks of a growing text identical', () => {
    const before = renderBlocks('# One\n\nfirst', labels)
    const known = new Map(before.map((block) => [block.raw, block.html]))
    const after = renderBlocks('# One\n\nfirst and more', labels, known)
    expect(after[0]?.html).toBe(before[0]?.html)
    expect(after).toHaveLength(2)
  })

  it('gives code its language and a way to copy it', () => {
    const root = structure('```python\nprint(1)\n```')
    expect(root.querySelector('.code')?.getAttribute('data-lang')).toBe('python')
    expect(root.querySelector('.code-copy')?.textContent).toBe('Copy')
    expect(root.querySelector('code')?.textContent).toBe('print(1)')
  })
})
