/**
 * The chat socket: what was sent is not lost and what was received is not repeated, however often the connection breaks.
 *
 * After every (re)connection each watched session is bound again with the id of the last stored message known here, so the
 * server first replays what was missed. A message that was not acknowledged as stored is sent again under its own
 * `message_id` once the replay is over (the ping behind the `bind` marks that), unless the replay has shown it.
 */
import { LastingSocket, socketUrl, type SocketLike, type SocketState } from '@/lib/socket'
import { parseChatFrame, type ChatFrame, type SendFrame } from './frames'

export interface ChatSocketOptions {
  token: () => string | null
  /** The greatest history id known here of a session. */
  lastId: (session: string) => number
  onFrame: (frame: ChatFrame) => void
  /** A session is about to be replayed: replies cut in their middle will be told again. */
  onRebind: (session: string) => void
  onState: (state: SocketState, retryAt: number | null, reason: string) => void
  open?: (url: string) => SocketLike
}

const PING = JSON.stringify({ ct: 'chat', t: 'ping' })

export class ChatSocket {
  private readonly socket: LastingSocket
  private readonly watched = new Set<string>()
  private readonly unsaved = new Map<string, SendFrame>()
  /** Pings that stand behind binds; while there are any, a replay may be under way. */
  private awaited = 0
  private opened = 0

  constructor(private readonly options: ChatSocketOptions) {
    this.socket = new LastingSocket({
      url: () => socketUrl('/api/unified_chat/ws', { token: options.token() ?? '' }),
      ping: PING,
      onOpen: () => this.resume(),
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
    this.unsaved.set(frame.message_id, frame)
    if (this.awaited === 0) this.socket.send(JSON.stringify(frame))
  }

  /** A message that was stopped before it was acknowledged is not sent again. */
  forget(messageId: string): void {
    this.unsaved.delete(messageId)
  }

  /** Messages that wait for their acknowledgement. */
  get pending(): readonly string[] {
    return [...this.unsaved.keys()]
  }

  private resume(): void {
    this.awaited = 0
    this.opened += 1
    for (const session of this.watched) {
      if (this.opened > 1) this.options.onRebind(session)
      this.bind(session)
    }
    if (this.awaited === 0) this.flush()
  }

  private bind(session: string): void {
    const sent = this.socket.send(JSON.stringify({ ct: 'chat', t: 'bind', session_id: session, after: this.options.lastId(session) }))
    if (!sent) return
    this.awaited += 1
    this.socket.send(PING)
  }

  private flush(): void {
    for (const frame of this.unsaved.values()) this.socket.send(JSON.stringify(frame))
  }

  private receive(text: string): void {
    const frame = parseChatFrame(text)
    if (!frame) return
    switch (frame.type) {
      case 'pong':
        if (this.awaited > 0) {
          this.awaited -= 1
          if (this.awaited === 0) this.flush()
        }
        return
      case 'user_message_saved':
      case 'error':
      case 'end':
        if (frame.message_id) this.unsaved.delete(frame.message_id)
        break
      default:
    }
    this.options.onFrame(frame)
  }
}
