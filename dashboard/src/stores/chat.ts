import { computed, ref, shallowReactive } from 'vue'
import { defineStore } from 'pinia'
import { api } from '@/api'
import type { Part } from '@/api/types'
import type { ChatFrame } from '@/chat/frames'
import { ChatSocket } from '@/chat/socket'
import { EMPTY, markStale, reduce, sentAgain, textOf, toParts, truncated, withHistory, withOwn, type ChatMessage, type Transcript } from '@/chat/transcript'
import { locale } from '@/i18n'
import { messageOf } from '@/lib/errors'
import { randomId } from '@/lib/ids'
import type { SocketState } from '@/lib/socket'
import { endSignIn, useAuth } from './auth'
import { useSessions } from './sessions'

const PAGE = 60
/** Sessions whose transcripts are kept in memory. */
const KEPT = 12

export interface SendChoice {
  provider: string
  model: string
  personaPrompt: string
}

export const useChat = defineStore('chat', () => {
  const auth = useAuth()
  const sessions = useSessions()
  const transcripts = shallowReactive(new Map<string, Transcript>())
  const loading = shallowReactive(new Set<string>())
  const errors = shallowReactive(new Map<string, string>())
  const state = ref<SocketState>('idle')
  const retryAt = ref<number | null>(null)
  const everOpen = ref(false)
  const lost = computed(() => everOpen.value && (state.value === 'waiting' || state.value === 'connecting'))
  /** The reply that ended last, for screen readers. */
  const announced = ref('')

  const socket = new ChatSocket({
    token: () => auth.token,
    lastId: (session) => get(session).lastId,
    stored: async (session) => (await api.chat.history(session, { limit: 30 })).history,
    onFrame: enqueue,
    onRebind: (session) => {
      flush()
      put(session, markStale(get(session)))
    },
    onResend: (frame) => put(frame.session_id, sentAgain(get(frame.session_id), frame.message_id)),
    onState: (next, at, reason) => {
      state.value = next
      retryAt.value = at
      if (next === 'open') everOpen.value = true
      if (next === 'refused') endSignIn(reason)
    },
  })

  function get(session: string): Transcript {
    return transcripts.get(session) ?? EMPTY
  }

  function put(session: string, next: Transcript): void {
    transcripts.set(session, next)
  }

  // Deltas come faster than the screen: they are applied together, once for each picture.
  let queue: ChatFrame[] = []
  let scheduled = false

  function enqueue(frame: ChatFrame): void {
    queue.push(frame)
    if (scheduled) return
    scheduled = true
    if (document.hidden) setTimeout(flush, 100)
    else requestAnimationFrame(flush)
  }

  function flush(): void {
    scheduled = false
    const frames = queue
    queue = []
    const now = new Date().toISOString()
    const changed = new Map<string, Transcript>()
    for (const frame of frames) {
      const session = frame.session_id ?? ''
      if (!transcripts.has(session)) continue
      changed.set(session, reduce(changed.get(session) ?? get(session), frame, now))
      if (frame.type === 'user_message_saved') sessions.touch(session)
      if (frame.type === 'end') announce(changed.get(session) ?? EMPTY, frame.message_id ?? '')
    }
    for (const [session, next] of changed) put(session, next)
  }

  function announce(transcript: Transcript, messageId: string): void {
    const reply = transcript.messages.findLast((message) => message.role === 'bot' && message.messageId === messageId)
    if (reply) announced.value = textOf(reply)
  }

  function start(): void {
    socket.start()
  }

  /** Loads a session once and follows it from then on. */
  async function open(session: string): Promise<void> {
    if (transcripts.has(session) || loading.has(session)) return
    loading.add(session)
    errors.delete(session)
    try {
      const page = await api.chat.history(session, { limit: PAGE })
      put(session, withHistory(get(session), page.history, page.has_more ?? false, true))
      forgetOld(session)
      socket.watch(session)
    } catch (failure) {
      errors.set(session, messageOf(failure))
    } finally {
      loading.delete(session)
    }
  }

  function forgetOld(current: string): void {
    for (const [session, transcript] of transcripts) {
      if (transcripts.size <= KEPT) return
      if (session !== current && !transcript.messages.some((message) => message.status === 'streaming' || message.status === 'sending')) {
        transcripts.delete(session)
        socket.unwatch(session)
      }
    }
  }

  async function loadOlder(session: string): Promise<void> {
    const transcript = get(session)
    const first = transcript.messages.find((message) => message.id !== null)?.id
    if (!transcript.hasMore || first === undefined || first === null || loading.has(session)) return
    loading.add(session)
    try {
      const page = await api.chat.history(session, { before: first, limit: PAGE })
      put(session, withHistory(get(session), page.history, page.has_more ?? false, false))
    } catch (failure) {
      errors.set(session, messageOf(failure))
    } finally {
      loading.delete(session)
    }
  }

  /** A new session needs no request to be shown: it is empty. */
  function openNew(session: string): void {
    put(session, EMPTY)
    socket.watch(session)
  }

  function send(session: string, message: Part[], choice: SendChoice): void {
    const messageId = randomId()
    put(session, withOwn(get(session), messageId, message, new Date().toISOString()))
    socket.send({
      ct: 'chat',
      t: 'send',
      session_id: session,
      message_id: messageId,
      message,
      enable_streaming: true,
      show_reasoning: true,
      locale: locale.value,
      ...(choice.provider ? { selected_provider: choice.provider } : {}),
      ...(choice.model ? { selected_model: choice.model } : {}),
      ...(choice.personaPrompt ? { persona_prompt: choice.personaPrompt } : {}),
    })
  }

  async function stop(session: string): Promise<void> {
    for (const message of get(session).messages) {
      if (message.role === 'bot' && message.status === 'streaming') socket.forget(message.messageId)
    }
    // Over HTTP, for the reply may have been asked for on an earlier connection.
    await api.chat.stop(session)
  }

  /** Takes a message of the user's and all after it back, then sends `parts` in its place. */
  async function resend(session: string, original: ChatMessage, parts: Part[], choice: SendChoice): Promise<void> {
    if (original.id !== null) await api.chat.truncate(session, original.id)
    put(session, truncated(get(session), original.key))
    send(session, parts, choice)
  }

  /** Asks again what led to this reply. */
  async function retry(session: string, reply: ChatMessage, choice: SendChoice): Promise<void> {
    const messages = get(session).messages
    const at = messages.findIndex((message) => message.key === reply.key)
    const question = messages.slice(0, at).findLast((message) => message.role === 'user')
    if (question) await resend(session, question, toParts(question), choice)
  }

  function close(session: string): void {
    transcripts.delete(session)
    socket.unwatch(session)
  }

  function reset(): void {
    socket.stop()
    transcripts.clear()
    everOpen.value = false
  }

  return { transcripts, loading, errors, state, retryAt, lost, announced, start, open, openNew, loadOlder, send, stop, resend, retry, close, reset, get, retryNow: () => socket.retryNow() }
})
