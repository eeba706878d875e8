/**
 * Texts in two languages. Each page keeps its texts in `src/texts/<area>.ts` as pairs `[English, 简体中文]`, so the
 * compiler refuses a text that lacks a language, and a page loads only its own words.
 */
import { computed, ref, watchEffect } from 'vue'
import { readSetting, writeSetting } from '@/lib/storage'

export type Locale = 'en' | 'zh-CN'
export const LOCALES: readonly { id: Locale; name: string }[] = [
  { id: 'en', name: 'English' },
  { id: 'zh-CN', name: '简体中文' },
]

export type Pair = readonly [en: string, zh: string]
export type Texts = Readonly<Record<string, Pair>>
export type Params = Readonly<Record<string, string | number>>
export type Translate<T extends Texts> = (key: keyof T & string, params?: Params) => string

function detect(): Locale {
  const stored = readSetting('locale')
  if (stored === 'en' || stored === 'zh-CN') return stored
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en'
}

export const locale = ref<Locale>(detect())
const index = computed(() => (locale.value === 'zh-CN' ? 1 : 0))

watchEffect(() => {
  document.documentElement.lang = locale.value
})

export function setLocale(next: Locale): void {
  locale.value = next
  writeSetting('locale', next)
}

/** Fills `{name}`; of `one|many` takes the form that fits `n`. */
export function fill(template: string, params: Params | undefined): string {
  if (!params) return template
  let text = template
  if (typeof params.n === 'number' && template.includes('|')) {
    const [one = '', many = one] = template.split('|')
    text = params.n === 1 ? one : many
  }
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = params[name]
    if (value === undefined) return whole
    return typeof value === 'number' ? formatNumber(value) : value
  })
}

/** A typed translator for one area's texts; what it returns follows the language that is chosen. */
export function useText<T extends Texts>(texts: T): Translate<T> {
  return (key, params) => {
    const pair = texts[key] as Pair
    return fill(pair[index.value], params)
  }
}

export function formatNumber(value: number, digits = 1): string {
  return new Intl.NumberFormat(locale.value, { maximumFractionDigits: digits }).format(value)
}

/** As many digits after the point as asked for, so that figures below each other line up. */
function formatFixed(value: number, digits: number): string {
  return new Intl.NumberFormat(locale.value, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value)
}

const dateTime = computed(() => new Intl.DateTimeFormat(locale.value, { dateStyle: 'medium', timeStyle: 'short' }))
const timeOnly = computed(() => new Intl.DateTimeFormat(locale.value, { timeStyle: 'short' }))
const dayOnly = computed(() => new Intl.DateTimeFormat(locale.value, { month: 'short', day: 'numeric' }))
const dateOnly = computed(() => new Intl.DateTimeFormat(locale.value, { dateStyle: 'medium' }))

function toDate(value: string | number): Date {
  return new Date(value)
}

export function formatDateTime(value: string | number): string {
  const date = toDate(value)
  return Number.isNaN(date.getTime()) ? '' : dateTime.value.format(date)
}

export function formatDate(value: string | number): string {
  const date = toDate(value)
  return Number.isNaN(date.getTime()) ? '' : dateOnly.value.format(date)
}

/** The time of today's things, the day of this year's, else the date. */
export function formatWhen(value: string | number, now = Date.now()): string {
  const date = toDate(value)
  if (Number.isNaN(date.getTime())) return ''
  const today = new Date(now)
  if (date.toDateString() === today.toDateString()) return timeOnly.value.format(date)
  return date.getFullYear() === today.getFullYear() ? dayOnly.value.format(date) : dateOnly.value.format(date)
}

/** Seconds as a person reads them: 340 ms, 1.80 s, 12.5 s, 2 min 5 s. */
export function formatSeconds(seconds: number): string {
  const [day, hour, minute, second] = index.value ? [' 天', ' 小时', ' 分', ' 秒'] : [' d', ' h', ' min', ' s']
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)}${index.value ? ' 毫秒' : ' ms'}`
  if (seconds < 60) return `${formatFixed(seconds, seconds < 9.995 ? 2 : 1)}${second}`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}${minute} ${Math.floor(seconds % 60)}${second}`
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}${hour} ${Math.floor((seconds % 3600) / 60)}${minute}`
  return `${Math.floor(seconds / 86400)}${day} ${Math.floor((seconds % 86400) / 3600)}${hour}`
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${formatNumber(value, unit === 0 ? 0 : 1)} ${units[unit]}`
}
