import { computed, shallowRef, type ComputedRef, type ShallowRef } from 'vue'
import { api } from '@/api'
import type { Uploaded } from '@/api/types'
import { messageOf } from '@/lib/errors'
import { randomId } from '@/lib/ids'
import { seedMedia } from '@/lib/media'

export interface PendingFile {
  key: string
  name: string
  size: number
  /** 0…1 */
  share: number
  uploaded: Uploaded | null
  error: string
  preview: string
  abort: AbortController
  file: Blob
}

export interface Attachments {
  files: ShallowRef<readonly PendingFile[]>
  uploading: ComputedRef<boolean>
  ready: ComputedRef<Uploaded[]>
  add: (files: Iterable<File>) => void
  addBlob: (blob: Blob, name: string) => void
  retry: (key: string) => void
  remove: (key: string) => void
  clear: () => void
}

/** Files on their way into a message, uploaded as soon as they are chosen. */
export function useAttachments(): Attachments {
  const files = shallowRef<readonly PendingFile[]>([])
  const uploading = computed(() => files.value.some((file) => !file.uploaded && !file.error))
  const ready = computed(() => files.value.flatMap((file) => (file.uploaded ? [file.uploaded] : [])))

  function patch(key: string, change: Partial<PendingFile>): void {
    files.value = files.value.map((file) => (file.key === key ? { ...file, ...change } : file))
  }

  async function upload(pending: PendingFile): Promise<void> {
    try {
      const uploaded = await api.chat.upload(pending.file, pending.name, (share) => patch(pending.key, { share }), pending.abort.signal)
      seedMedia(uploaded.attachment_id, pending.file)
      patch(pending.key, { uploaded: { ...uploaded, filename: uploaded.filename || pending.name }, share: 1 })
    } catch (failure) {
      if (failure instanceof DOMException && failure.name === 'AbortError') return
      patch(pending.key, { error: messageOf(failure) })
    }
  }

  function addBlob(blob: Blob, name: string): void {
    const pending: PendingFile = {
      key: randomId(),
      name,
      size: blob.size,
      share: 0,
      uploaded: null,
      error: '',
      preview: blob.type.startsWith('image/') ? URL.createObjectURL(blob) : '',
      abort: new AbortController(),
      file: blob,
    }
    files.value = [...files.value, pending]
    void upload(pending)
  }

  function add(list: Iterable<File>): void {
    for (const file of list) addBlob(file, file.name || 'file')
  }

  function retry(key: string): void {
    const file = files.value.find((entry) => entry.key === key)
    if (!file) return
    const again = { ...file, error: '', share: 0, abort: new AbortController() }
    patch(key, again)
    void upload(again)
  }

  function remove(key: string): void {
    const file = files.value.find((entry) => entry.key === key)
    file?.abort.abort()
    if (file?.preview) URL.revokeObjectURL(file.preview)
    files.value = files.value.filter((entry) => entry.key !== key)
  }

  function clear(): void {
    for (const file of files.value) if (file.preview) URL.revokeObjectURL(file.preview)
    files.value = []
  }

  return { files, uploading, ready, add, addBlob, retry, remove, clear }
}
