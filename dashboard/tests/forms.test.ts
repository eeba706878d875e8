import { describe, expect, it } from 'vitest'
import type { FormSchema } from '@/api/types'
import { changedFrom, check, defaultOf, isVisible, merged, withDefaults } from '@/lib/forms'

const SCHEMA: FormSchema = {
  name: { type: 'string', default: 'Ann' },
  count: { type: 'int', default: 3, slider: { min: 1, max: 5 } },
  ratio: { type: 'float' },
  loud: { type: 'bool' },
  tone: { type: 'string', options: ['low', 'high'], default: 'low' },
  tags: { type: 'list', default: ['a'] },
  more: { type: 'object', items: { deep: { type: 'int', default: 7 }, text: { type: 'text' } } },
  rules: { type: 'template_list', templates: { one: { name: 'One', items: { limit: { type: 'int', default: 1 } } } } },
  only: { type: 'int', default: 0, condition: { loud: true, 'more.deep': 7 } },
  hidden: { type: 'string', invisible: true },
}

describe('forms from a schema', () => {
  it('fills what is missing, deeply, and leaves out what the schema does not know', () => {
    const value = withDefaults(SCHEMA, { name: 'Bob', more: { text: 'x' }, unknown: 1, count: null })
    expect(value).toEqual({ name: 'Bob', count: 3, ratio: 0, loud: false, tone: 'low', tags: ['a'], more: { deep: 7, text: 'x' }, rules: [], only: 0, hidden: '' })
  })

  it('shares no default between two forms', () => {
    const one = defaultOf(SCHEMA.tags ?? { type: 'list' }) as string[]
    one.push('b')
    expect(defaultOf(SCHEMA.tags ?? { type: 'list' })).toEqual(['a'])
  })

  it('shows fields as their conditions say', () => {
    const field = SCHEMA.only ?? { type: 'int' }
    expect(isVisible(field, { loud: true, more: { deep: 7 } })).toBe(true)
    expect(isVisible(field, { loud: true, more: { deep: 8 } })).toBe(false)
    expect(isVisible(SCHEMA.hidden ?? { type: 'string' }, {})).toBe(false)
  })

  it('names what does not fit by its path, and nothing that is hidden', () => {
    const value = { ...withDefaults(SCHEMA, {}), count: 9, ratio: Number.NaN, tone: 'loud', more: { deep: 1.5, text: '' }, rules: [{ __template_key: 'one', limit: 'x' }], only: 'wrong' }
    expect(check(SCHEMA, value)).toEqual({ count: 'range', ratio: 'number', tone: 'option', 'more.deep': 'int', 'rules.0.limit': 'int' })
    expect(check(SCHEMA, withDefaults(SCHEMA, {}))).toEqual({})
  })

  it('keep of a change what differs from the defaults or was saved, in groups too', () => {
    const value = withDefaults(SCHEMA, {})
    expect(changedFrom(SCHEMA, value, {})).toEqual({})
    const changed = { ...value, count: 4, more: { deep: 8, text: '' } }
    expect(changedFrom(SCHEMA, changed, { name: 'Ann' })).toEqual({ name: 'Ann', count: 4, more: { deep: 8 } })
  })

  it('lay a change over what was saved and leave alone what the schema does not know', () => {
    const saved = { count: 2, more: { deep: 1, other: true }, elsewhere: [1] }
    expect(merged(SCHEMA, saved, { more: { deep: 8 }, tags: [] })).toEqual({ count: 2, more: { deep: 8, other: true }, elsewhere: [1], tags: [] })
  })
})
