/** A flat dictionary as rows that can be edited; no interface here. */

export type Scalar = string | number | boolean
export const SCALAR_TYPES = ['string', 'number', 'boolean'] as const
export type ScalarType = (typeof SCALAR_TYPES)[number]
export interface DictRow {
  key: string
  value: Scalar
}

const isScalar = (value: unknown): value is Scalar => typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether rows of key and value can't hold it. */
export function isNested(value: unknown): boolean {
  return isRecord(value) && !Object.values(value).every(isScalar)
}

export function rowsOf(value: unknown): DictRow[] {
  if (!isRecord(value)) return []
  return Object.entries(value).map(([key, entry]) => ({ key, value: isScalar(entry) ? entry : JSON.stringify(entry) }))
}

/** Rows without a key are not there yet; of rows with the same key the first counts. */
export function toEntries(rows: readonly DictRow[]): Record<string, Scalar> {
  const entries: Record<string, Scalar> = {}
  for (const { key, value } of rows) if (key && !Object.hasOwn(entries, key)) entries[key] = value
  return entries
}

/** A value as another type, as far as it can be one. */
export function withType(value: Scalar, type: ScalarType): Scalar {
  if (type === 'string') return String(value)
  if (type === 'boolean') return value === true || value === 'true' || (typeof value === 'number' && value !== 0)
  const number = Number(value)
  return Number.isFinite(number) ? number : 0
}

export function sameEntries(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
