import { describe, expect, it } from 'vitest'
import { filledPage } from '@/lib/pages'

describe('filledPage', () => {
  const pages: Record<string, { sessions: number[]; next: string | null }> = {
    '': { sessions: [], next: 'a' },
    a: { sessions: [], next: 'b' },
    b: { sessions: [1], next: 'c' },
    c: { sessions: [], next: null },
  }
  const load = async (before: string | null) => pages[before ?? '']!

  it('goes on to the first page that holds something', async () => {
    expect(await filledPage(load, null)).toEqual({ sessions: [1], next: 'c' })
  })

  it('ends with the last page', async () => {
    expect(await filledPage(load, 'c')).toEqual({ sessions: [], next: null })
  })
})
