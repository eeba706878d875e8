import { computed, ref, shallowRef } from 'vue'
import { defineStore } from 'pinia'
import { api } from '@/api'
import type { Session } from '@/api/types'
import { messageOf } from '@/lib/errors'
import { filledPage } from '@/lib/pages'

const PAGE = 100

/** The list of the user's chat sessions: pages as they are scrolled to, search on the server, newest first. */
export const useSessions = defineStore('sessions', () => {
  const list = shallowRef<readonly Session[]>([])
  const total = ref(0)
  const search = ref('')
  const busy = ref(false)
  const error = ref('')
  const loaded = ref(false)
  let next: string | null = null
  let more = true
  let running: AbortController | null = null

  const complete = computed(() => loaded.value && !more)

  async function load(fresh: boolean): Promise<void> {
    if (!fresh && (busy.value || !more)) return
    running?.abort()
    const mine = new AbortController()
    running = mine
    busy.value = true
    try {
      const page = await filledPage((before) => api.chat.sessions({ before, limit: PAGE, search: search.value.trim() }, mine.signal), fresh ? null : next)
      if (running !== mine) return
      const known = new Set(fresh ? [] : list.value.map((session) => session.session_id))
      const added = page.sessions.filter((session) => !known.has(session.session_id))
      list.value = fresh ? added : [...list.value, ...added]
      next = page.next ?? null
      more = next !== null
      total.value = page.total ?? list.value.length
      error.value = ''
      loaded.value = true
    } catch (failure) {
      if (running === mine) error.value = messageOf(failure)
    } finally {
      if (running === mine) busy.value = false
    }
  }

  function find(id: string): Session | undefined {
    return list.value.find((session) => session.session_id === id)
  }

  /** Moves a session to the top, as a new message does on the server. */
  function touch(id: string, change: Partial<Session> = {}): void {
    const session = find(id)
    if (!session) return
    const now = { ...session, updated_at: new Date().toISOString(), ...change }
    list.value = [now, ...list.value.filter((other) => other.session_id !== id)]
  }

  async function create(): Promise<string> {
    const made = await api.chat.create()
    const now = new Date().toISOString()
    const session: Session = { ...made, creator: '', display_name: '', is_group: false, conversation_id: '', profile_id: '', umo: '', created_at: now, updated_at: now }
    list.value = [session, ...list.value]
    total.value += 1
    return made.session_id
  }

  async function bindProfile(id: string, profile_id: string): Promise<void> {
    await api.chat.bindProfile(id, profile_id)
    list.value = list.value.map((session) => (session.session_id === id ? { ...session, profile_id } : session))
  }

  async function rename(id: string, name: string): Promise<void> {
    await api.chat.rename(id, name)
    list.value = list.value.map((session) => (session.session_id === id ? { ...session, display_name: name } : session))
  }

  async function remove(ids: readonly string[]): Promise<void> {
    await api.chat.remove([...ids])
    const gone = new Set(ids)
    list.value = list.value.filter((session) => !gone.has(session.session_id))
    total.value = Math.max(0, total.value - gone.size)
  }

  return { list, total, search, busy, error, loaded, complete, load, find, touch, create, bindProfile, rename, remove }
})
