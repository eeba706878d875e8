import type { Part } from '@/api/types'

/** Whether two messages say the same; names of files are for display only. */
export function samePartsAs(one: readonly Part[], other: readonly Part[]): boolean {
  const key = (parts: readonly Part[]): string =>
    JSON.stringify(parts.map((part) => (part.type === 'plain' ? ['plain', part.text] : part.type === 'reply' ? ['reply', String(part.message_id)] : [part.type, part.attachment_id])))
  return key(one) === key(other)
}
