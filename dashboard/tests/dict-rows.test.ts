import { describe, expect, it } from 'vitest'
import { isNested, rowsOf, toEntries, withType } from '@/lib/dictRows'

describe('a dictionary as rows', () => {
  it('goes there and back, with the types of its values', () => {
    const entries = { 'X-Team': 'blue', temperature: 0.7, stream: false }
    expect(toEntries(rowsOf(entries))).toEqual(entries)
  })

  it('leaves out rows without a name and repeated ones', () => {
    expect(toEntries([{ key: '', value: 'x' }, { key: 'a', value: 1 }, { key: 'a', value: 2 }])).toEqual({ a: 1 })
  })

  it('is JSON when a value is nested or nothing', () => {
    expect(isNested({ a: { b: 1 } })).toBe(true)
    expect(isNested({ a: null })).toBe(true)
    expect(isNested({ a: 'x', b: true })).toBe(false)
  })

  it('changes the type of a value as far as it can', () => {
    expect(withType('0.7', 'number')).toBe(0.7)
    expect(withType('warm', 'number')).toBe(0)
    expect(withType('true', 'boolean')).toBe(true)
    expect(withType(5, 'string')).toBe('5')
  })
})
