import type { InjectionKey } from 'vue'
import { api } from '@/api'

/** Whose files a page shows: one's own, or (for those who read all conversations) anybody's. */
export type MediaSource = 'own' | 'any'
export const MEDIA_SOURCE: InjectionKey<MediaSource> = Symbol('media')

/** Files of messages as object URLs, fetched once with the token in a header. The oldest are let go. */
const KEPT = 80
const urls = new Map<string, Promise<string>>()

export function fetchMedia(attachmentId: string, source: MediaSource): Promise<{ blob: Blob; filename: string }> {
  return source === 'any' ? api.conversations.attachment(attachmentId) : api.chat.attachment(attachmentId)
}

export function mediaUrl(attachmentId: string, source: MediaSource): Promise<string> {
  const known = urls.get(attachmentId)
  if (known) {
    urls.delete(attachmentId)
    urls.set(attachmentId, known)
    return known
  }
  const made = fetchMedia(attachmentId, source).then(({ blob }) => URL.createObjectURL(blob))
  urls.set(attachmentId, made)
  made.catch(() => urls.delete(attachmentId))
  if (urls.size > KEPT) {
    const [oldest, url] = urls.entries().next().value ?? []
    if (oldest !== undefined) urls.delete(oldest)
    void url?.then((value) => URL.revokeObjectURL(value))
  }
  return made
}

/** A file that was just sent is shown from memory. */
export function seedMedia(attachmentId: string, blob: Blob): void {
  urls.set(attachmentId, Promise.resolve(URL.createObjectURL(blob)))
}
