import { ApiError } from '@/api/client'
import { locale, useText } from '@/i18n'
import { common } from '@/texts/common'
import { errorTexts, type ErrorCode } from '@/texts/errors'

const t = useText(common)
const e = useText(errorTexts)

function known(code: string): code is ErrorCode {
  return Object.hasOwn(errorTexts, code)
}

/** Words for a coded error: the server's own in English, the translation with the server's detail in Chinese. */
export function codedMessage(code: string, message: string): string {
  if (!known(code)) return message
  if (locale.value === 'en') return message || e(code)
  return message ? `${e(code)}（${message}）` : e(code)
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
