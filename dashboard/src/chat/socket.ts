/**
 * The chat socket: what was sent is not lost and what was received is not repeated, however often the connection breaks.
 *
 * After every (re)connection each watched session is bound again with the id of the last stored message known here, so the
 * server first replays what was missed. Messages that were not acknowledged as stored are looked up in the session's history;
 * those that are not there are sent again under their own `message_id`.
 */
import { ApiError } from '@/api/client'
import type { StoredMessage } from '@/api/types'
import { LastingSocket, socketUrl, type SocketLike, type SocketState } from '@/lib/socket'
import { parseChatFrame, type ChatFrame, type SendFrame } from './frames'
import { samePartsAs } from './parts'

export interface ChatSocketOptions {
  token: () => string | null
  /** The greatest history id known here of a session. */
  lastId: (session: string) => number
  /** The newest stored messages of a session. */
  stored: (session: string) => Promise<readonly StoredMessage[]>
  onFrame: (frame: ChatFrame) => void
  /** A session is about to be replayed: replies cut in their middle will be told again. */
  onRebind: (session: string) => void
  /** A message of an earlier connection never arrived and is sent once more. */
  onResend: (frame: SendFrame) => void
  onState: (state: SocketState, retryAt: number | null, reason: string) => void
  open?: (url: string) => SocketLike
}

interface Unsaved {
  frame: SendFrame
  /** The connection it was sent on; 0: on none yet. */
  sentOn: number
  /** The greatest history id at that time: the stored message has a greater one. */
  after: number
}

/** Pause before the history is asked for once more. */
export const SETTLE_RETRY_MS = 3_000
const PING = JSON.stringify({ ct: 'chat', t: 'ping' })

export class ChatSocket {
  private readonly socket: LastingSocket
  private readonly watched = new Set<string>()
  private readonly unsaved = new Map<string, Unsaved>()
  /** Counts connections; what was asked on an earlier one is answered too late. */
  private connection = 0
  private readonly retries = new Map<string, ReturnType<typeof setTimeout>>()

  constructor(private readonly options: ChatSocketOptions) {
    this.socket = new LastingSocket({
      url: () => socketUrl('/api/unified_chat/ws', { token: options.token() ?? '' }),
      ping: PING,
      onOpen: () => void this.resume(),
      onText: (text) => this.receive(text),
      onState: options.onState,
      open: options.open,
    })
  }

  start(): void {
    this.socket.start()
  }

  stop(): void {
    this.socket.stop()
    this.watched.clear()
    this.unsaved.clear()
    for (const retry of this.retries.values()) clearTimeout(retry)
    this.retries.clear()
  }

  retryNow(): void {
    this.socket.retryNow()
  }

  /** Follows a session: its frames come, whoever causes them. Its history must have been loaded before. */
  watch(session: string): void {
    if (this.watched.has(session)) return
    this.watched.add(session)
    this.bind(session)
  }

  /** Binding can't be taken back on this connection; the next one leaves the session out. */
  unwatch(session: string): void {
    this.watched.delete(session)
  }

  /** Sends a message now or as soon as there is a connection. */
  send(frame: SendFrame): void {
    const entry: Unsaved = { frame, sentOn: 0, after: this.options.lastId(frame.session_id) }
    this.unsaved.set(frame.message_id, entry)
    this.transmit(entry)
  }

  /** A message that was stopped before it was acknowledged is not sent again. */
  forget(messageId: string): void {
    this.unsaved.delete(messageId)
  }

  /** Messages that wait for their acknowledgement. */
  get pending(): readonly string[] {
    return [...this.unsaved.keys()]
  }

  private transmit(entry: Unsaved): void {
    if (this.socket.send(JSON.stringify(entry.frame))) entry.sentOn = this.connection
  }

  private async resume(): Promise<void> {
    this.connection += 1
    const mine = this.connection
    for (const session of this.watched) {
      if (mine > 1) this.options.onRebind(session)
      this.bind(session)
    }
    const doubtful = new Set<string>()
    for (const entry of this.unsaved.values()) {
      if (entry.sentOn === 0) this.transmit(entry)
      else doubtful.add(entry.frame.session_id)
    }
    for (const session of doubtful) await this.settle(session, mine)
  }

  /** Finds out which of the messages sent on an earlier connection have arrived. */
  private async settle(session: string, mine: number): Promise<void> {
    let rows: readonly StoredMessage[]
    try {
      rows = await this.options.stored(session)
    } catch (error) {
      if (mine !== this.connection) return
      if (error instanceof ApiError && error.final) this.giveUp(session, error)
      // Without an answer nothing is sent twice: it is asked for again.
      else this.retries.set(session, setTimeout(() => void this.settle(session, mine), SETTLE_RETRY_MS))
      return
    }
    if (mine !== this.connection) return
    const free = rows.filter((row) => row.role === 'user')
    for (const entry of [...this.unsaved.values()]) {
      if (entry.frame.session_id !== session || entry.sentOn === mine) continue
      const at = free.findIndex((row) => row.id > entry.after && isSame(row, entry.frame))
      const [row] = at < 0 ? [] : free.splice(at, 1)
      if (!row) {
        this.options.onResend(entry.frame)
        this.transmit(entry)
        continue
      }
      this.unsaved.delete(entry.frame.message_id)
      const { message_id, session_id } = entry.frame
      this.options.onFrame({ type: 'user_message_saved', message_id, session_id, data: { id: row.id, created_at: row.created_at } })
    }
  }

  /** The session is not there any more: its messages are shown as not sent. */
  private giveUp(session: string, error: ApiError): void {
    for (const { frame } of [...this.unsaved.values()]) {
      if (frame.session_id !== session) continue
      const { message_id, session_id } = frame
      this.unsaved.delete(message_id)
      this.options.onFrame({ type: 'error', message_id, session_id, code: error.code, data: error.message })
      this.options.onFrame({ type: 'end', message_id, session_id })
    }
  }

  private bind(session: string): void {
    this.socket.send(JSON.stringify({ ct: 'chat', t: 'bind', session_id: session, after: this.options.lastId(session) }))
  }

  private receive(text: string): void {
    const frame = parseChatFrame(text)
    if (!frame || frame.type === 'pong') return
    if (frame.message_id && (frame.type === 'user_message_saved' || frame.type === 'error' || frame.type === 'end')) this.unsaved.delete(frame.message_id)
    this.options.onFrame(frame)
  }
}

function isSame(row: StoredMessage, frame: SendFrame): boolean {
  return row.meta.message_id === frame.message_id || samePartsAs(row.parts, frame.message)
}
