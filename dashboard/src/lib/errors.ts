import { ApiError } from '@/api/client'
import { locale, useText } from '@/i18n'
import { common } from '@/texts/common'
import { errorTexts, type ErrorCode } from '@/texts/errors'

const t = useText(common)
const e = useText(errorTexts)

function known(code: string): code is ErrorCode {
  return Object.hasOwn(errorTexts, code)
}

/** A sentence and, in a line of its own, what is known more closely. */
export function withDetail(text: string, detail: string): string {
  return detail && detail !== text ? `${text}\n${detail}` : text
}

/** Words for a coded error: the server's own in English; in Chinese the translation, and beneath it the server's detail. */
export function codedMessage(code: string, message: string): string {
  if (!known(code)) return message
  return locale.value === 'en' ? message || e(code) : withDetail(e(code), message)
}

/** A test of a provider that failed says so in the language of the web UI, too. */
export function worded<T extends { ok: boolean; message: string }>(test: T): T {
  return test.ok ? test : { ...test, message: codedMessage('PROVIDER_ERROR', test.message) }
}

/** What went wrong and what to do, whatever was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiError) {
    if (error.offline) return t('offline')
    if (error.status === 429 && error.retryAfter) return t('tooMany', { n: Math.ceil(error.retryAfter) })
    return codedMessage(error.code, error.message)
  }
  return error instanceof Error && error.message ? `${t('failed')}: ${error.message}` : t('failed')
}
