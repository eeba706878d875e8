/** Rules of the forms that are made from a schema (`_conf_schema.json`): defaults, conditions, checks. No interface here. */
import type { FieldSchema, FormSchema, FormValue } from '@/api/types'

export type Problem = 'required' | 'int' | 'number' | 'range' | 'option' | 'json'
export type Problems = Readonly<Record<string, Problem>>

const EMPTY_VALUES: Readonly<Record<FieldSchema['type'], () => unknown>> = {
  int: () => 0,
  float: () => 0,
  bool: () => false,
  string: () => '',
  text: () => '',
  list: () => [],
  file: () => [],
  object: () => ({}),
  dict: () => ({}),
  template_list: () => [],
}

/** A copy of JSON data; unlike structuredClone it also takes what Vue has made reactive. */
export function cloneJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

function isRecord(value: unknown): value is FormValue {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function defaultOf(field: FieldSchema): unknown {
  if (field.type === 'object') return withDefaults(field.items ?? {}, isRecord(field.default) ? field.default : {})
  if (field.default !== undefined && field.default !== null) return cloneJson(field.default)
  return EMPTY_VALUES[field.type]?.() ?? ''
}

/** The saved values with what they lack; what the schema does not name is left out. */
export function withDefaults(schema: FormSchema, value: FormValue): FormValue {
  const filled: FormValue = {}
  for (const [key, field] of Object.entries(schema)) {
    const given = value[key]
    if (given === undefined || given === null) filled[key] = defaultOf(field)
    else if (field.type === 'object' && isRecord(given)) filled[key] = withDefaults(field.items ?? {}, given)
    else filled[key] = cloneJson(given)
  }
  return filled
}

/** What of a value differs from the defaults, or was saved before: better defaults of later versions reach everybody. */
export function changedFrom(schema: FormSchema, value: FormValue, saved: FormValue): FormValue {
  const defaults = withDefaults(schema, {})
  const changed: FormValue = {}
  for (const [key, field] of Object.entries(schema)) {
    const [entry, before] = [value[key], saved[key]]
    if (field.type === 'object' && isRecord(entry)) {
      const inner = changedFrom(field.items ?? {}, entry, isRecord(before) ? before : {})
      if (Object.keys(inner).length) changed[key] = inner
    } else if (key in saved || !sameValue(entry, defaults[key])) changed[key] = entry
  }
  return changed
}

/** A saved value with changes laid over it; what the schema does not name stays. */
export function merged(schema: FormSchema, saved: FormValue, changes: FormValue): FormValue {
  const whole: FormValue = { ...saved }
  for (const [key, entry] of Object.entries(changes)) {
    const [field, before] = [schema[key], saved[key]]
    whole[key] = field?.type === 'object' && isRecord(before) && isRecord(entry) ? merged(field.items ?? {}, before, entry) : entry
  }
  return whole
}

export function valueAt(root: FormValue, path: string): unknown {
  let value: unknown = root
  for (const key of path.split('.')) {
    if (!isRecord(value)) return undefined
    value = value[key]
  }
  return value
}

/** A field with conditions is shown when every named value is what the condition says. */
export function isVisible(field: FieldSchema, root: FormValue): boolean {
  if (field.invisible) return false
  return Object.entries(field.condition ?? {}).every(([path, wanted]) => {
    const value = valueAt(root, path)
    return Array.isArray(wanted) ? wanted.some((entry) => sameValue(entry, value)) : sameValue(wanted, value)
  })
}

function sameValue(wanted: unknown, value: unknown): boolean {
  return wanted === value || JSON.stringify(wanted) === JSON.stringify(value)
}

/** What does not fit, by path. Hidden fields are not checked: nobody could mend them. */
export function check(schema: FormSchema, value: FormValue, root: FormValue = value, path = ''): Problems {
  const problems: Record<string, Problem> = {}
  for (const [key, field] of Object.entries(schema)) {
    if (!isVisible(field, root)) continue
    const where = path ? `${path}.${key}` : key
    const given = value[key]
    if (field.type === 'object') Object.assign(problems, check(field.items ?? {}, isRecord(given) ? given : {}, root, where))
    else if (field.type === 'template_list') Object.assign(problems, checkTemplates(field, given, root, where))
    else {
      const problem = checkOne(field, given)
      if (problem) problems[where] = problem
    }
  }
  return problems
}

function checkTemplates(field: FieldSchema, given: unknown, root: FormValue, where: string): Problems {
  const problems: Record<string, Problem> = {}
  const entries = Array.isArray(given) ? given : []
  entries.forEach((entry: unknown, index) => {
    if (!isRecord(entry)) return
    const template = field.templates?.[String(entry.__template_key ?? '')]
    if (template) Object.assign(problems, check(template.items, entry, root, `${where}.${index}`))
  })
  return problems
}

function checkOne(field: FieldSchema, value: unknown): Problem | null {
  if (field.type === 'int' || field.type === 'float') {
    if (typeof value !== 'number' || !Number.isFinite(value)) return field.type === 'int' ? 'int' : 'number'
    if (field.type === 'int' && !Number.isInteger(value)) return 'int'
    const low = field.slider?.min ?? field.min ?? -Infinity
    const high = field.slider?.max ?? field.max ?? Infinity
    if (value < low || value > high) return 'range'
  }
  if (field.type === 'dict' && !isRecord(value)) return 'json'
  if (field.options?.length && (typeof value === 'string' || typeof value === 'number') && value !== '' && !field.options.includes(value)) return 'option'
  return null
}

/**
 * What the schema says of a field. Adapters without descriptions repeat the key; then `known` or a readable key. What only
 * plugins read goes by its key.
 */
export function labelOf(key: string, field: FieldSchema, known?: string): string {
  if (field.advanced) return key
  const described = field.description?.trim().replace(/(?<=[^.])[.。]$/, '')
  const words = key.replace(/_/g, ' ').trim()
  if (described && described !== key && described !== words) return described
  return known ?? words.charAt(0).toUpperCase() + words.slice(1)
}
