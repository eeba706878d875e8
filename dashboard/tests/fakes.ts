import type { SocketLike } from '@/lib/socket'

/** A server's end of a WebSocket, driven by the test. */
export class FakeSocket implements SocketLike {
  readyState = 0
  binaryType = 'blob'
  onopen: ((event: Event) => void) | null = null
  onclose: ((event: CloseEvent) => void) | null = null
  onerror: ((event: Event) => void) | null = null
  onmessage: ((event: MessageEvent) => void) | null = null
  readonly sent: unknown[] = []

  constructor(readonly url: string) {}

  send(data: string | ArrayBuffer | Uint8Array<ArrayBuffer>): void {
    this.sent.push(data)
  }

  close(code = 1000, reason = ''): void {
    this.readyState = 3
    this.closedWith = { code, reason }
  }

  closedWith: { code: number; reason: string } | null = null

  accept(): void {
    this.readyState = 1
    this.onopen?.(new Event('open'))
  }

  say(frame: unknown): void {
    this.onmessage?.(new MessageEvent('message', { data: JSON.stringify(frame) }))
  }

  sayBytes(bytes: ArrayBuffer): void {
    this.onmessage?.(new MessageEvent('message', { data: bytes }))
  }

  cut(code = 1006, reason = ''): void {
    this.readyState = 3
    this.onclose?.({ code, reason } as CloseEvent)
  }

  get frames(): Record<string, unknown>[] {
    return this.sent.filter((item): item is string => typeof item === 'string').map((item) => JSON.parse(item) as Record<string, unknown>)
  }
}

/** Collects the sockets that are opened, one for each attempt. */
export function fakeSockets(): { open: (url: string) => FakeSocket; all: FakeSocket[]; last: () => FakeSocket } {
  const all: FakeSocket[] = []
  return {
    all,
    open: (url) => {
      const socket = new FakeSocket(url)
      all.push(socket)
      return socket
    },
    last: () => {
      const socket = all.at(-1)
      if (!socket) throw new Error('nothing was opened')
      return socket
    },
  }
}
