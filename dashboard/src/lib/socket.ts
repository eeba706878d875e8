/**
 * A WebSocket that stays: it reconnects with growing, jittered pauses, notices a silent peer by a heartbeat, and
 * says what state it is in. It knows nothing of frames but the ping it is given.
 */
export type SocketState = 'idle' | 'connecting' | 'open' | 'waiting' | 'refused'

/** The part of WebSocket that is used, so that tests hand in their own. */
export interface SocketLike {
  readyState: number
  binaryType: string
  onopen: ((event: Event) => void) | null
  onclose: ((event: CloseEvent) => void) | null
  onerror: ((event: Event) => void) | null
  onmessage: ((event: MessageEvent) => void) | null
  send(data: string | ArrayBuffer | Uint8Array<ArrayBuffer>): void
  close(code?: number, reason?: string): void
}

export interface SocketOptions {
  /** Called for every attempt, because the token may have changed. */
  url: () => string
  /** The frame that asks the server for a sign of life. */
  ping: string
  onOpen: () => void
  onText: (text: string) => void
  onBinary?: (data: ArrayBuffer) => void
  onState?: (state: SocketState, retryAt: number | null, reason: string) => void
  open?: (url: string) => SocketLike
  random?: () => number
  now?: () => number
}

export const BACKOFF_MS = { first: 400, factor: 1.8, most: 15_000 } as const
export const HEARTBEAT_MS = { every: 20_000, patience: 8_000, connect: 10_000 } as const

const POLICY = 1008
const CAPACITY = 1013

export class LastingSocket {
  private socket: SocketLike | null = null
  private attempts = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private heartbeat: ReturnType<typeof setTimeout> | undefined
  private wanted = false
  private readonly online = (): void => this.retryNow()
  state: SocketState = 'idle'

  constructor(private readonly options: SocketOptions) {}

  start(): void {
    if (this.wanted) return
    this.wanted = true
    window.addEventListener('online', this.online)
    this.connect()
  }

  stop(): void {
    this.wanted = false
    window.removeEventListener('online', this.online)
    clearTimeout(this.timer)
    this.drop(1000, 'bye')
    this.become('idle')
  }

  /** Sends when open; says whether it did. */
  send(data: string | Uint8Array<ArrayBuffer>): boolean {
    if (this.state !== 'open' || this.socket?.readyState !== 1) return false
    this.socket.send(data)
    return true
  }

  /** Does not wait for the pause between two attempts to end. */
  retryNow(): void {
    if (!this.wanted || this.state === 'open' || this.state === 'connecting') return
    clearTimeout(this.timer)
    this.connect()
  }

  private connect(): void {
    const make = this.options.open ?? ((url: string) => new WebSocket(url) as SocketLike)
    let socket: SocketLike
    this.become('connecting')
    try {
      socket = make(this.options.url())
    } catch {
      this.later('')
      return
    }
    this.socket = socket
    socket.binaryType = 'arraybuffer'
    // A peer that never answers the handshake would leave the page waiting for minutes.
    this.heartbeat = setTimeout(() => this.lost(socket, 'timeout'), HEARTBEAT_MS.connect)
    socket.onopen = () => {
      if (socket !== this.socket) return
      this.become('open')
      this.beat()
      this.options.onOpen()
    }
    socket.onmessage = (event: MessageEvent) => {
      if (socket !== this.socket) return
      // Whoever talks is alive: no ping until it has been silent for a while.
      this.attempts = 0
      this.beat()
      if (typeof event.data === 'string') this.options.onText(event.data)
      else this.options.onBinary?.(event.data as ArrayBuffer)
    }
    socket.onerror = () => undefined
    socket.onclose = (event: CloseEvent) => {
      if (socket !== this.socket) return
      this.forget()
      if (!this.wanted) return
      if (event.code === POLICY) {
        this.wanted = false
        window.removeEventListener('online', this.online)
        this.become('refused', null, event.reason)
        return
      }
      this.later(event.reason || (event.code === CAPACITY ? 'capacity' : ''))
    }
  }

  private beat(): void {
    clearTimeout(this.heartbeat)
    this.heartbeat = setTimeout(() => {
      const socket = this.socket
      if (!socket || socket.readyState !== 1) return
      socket.send(this.options.ping)
      this.heartbeat = setTimeout(() => this.lost(socket, 'timeout'), HEARTBEAT_MS.patience)
    }, HEARTBEAT_MS.every)
  }

  private lost(socket: SocketLike, reason: string): void {
    if (socket !== this.socket) return
    this.drop(4000, reason)
    if (this.wanted) this.later(reason)
  }

  private later(reason: string): void {
    const { first, factor, most } = BACKOFF_MS
    const pause = Math.min(most, first * factor ** this.attempts)
    this.attempts += 1
    const random = this.options.random ?? Math.random
    const wait = pause * (0.75 + random() * 0.5)
    this.become('waiting', (this.options.now ?? Date.now)() + wait, reason)
    this.timer = setTimeout(() => this.connect(), wait)
  }

  private drop(code: number, reason: string): void {
    const socket = this.socket
    this.forget()
    socket?.close(code, reason)
  }

  private forget(): void {
    clearTimeout(this.heartbeat)
    this.socket = null
  }

  private become(state: SocketState, retryAt: number | null = null, reason = ''): void {
    this.state = state
    this.options.onState?.(state, retryAt, reason)
  }
}

/** The address of a socket route, on the host that served the page. */
export function socketUrl(path: string, query: Record<string, string>): string {
  const url = new URL(path, window.location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value)
  return url.toString()
}
