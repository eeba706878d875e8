import { api } from '@/api'

/** Files of messages as object URLs, fetched once with the token in a header. The oldest are let go. */
const KEPT = 80
const urls = new Map<string, Promise<string>>()

export function mediaUrl(attachmentId: string): Promise<string> {
  const known = urls.get(attachmentId)
  if (known) {
    urls.delete(attachmentId)
    urls.set(attachmentId, known)
    return known
  }
  const made = api.chat.attachment(attachmentId).then(({ blob }) => URL.createObjectURL(blob))
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
