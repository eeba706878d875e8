import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { BACKOFF_MS, HEARTBEAT_MS, LastingSocket, type SocketState } from '@/lib/socket'
import { fakeSockets } from './fakes'

function build() {
  const sockets = fakeSockets()
  const states: SocketState[] = []
  const texts: string[] = []
  let opened = 0
  const socket = new LastingSocket({
    url: () => `ws://test/${sockets.all.length}`,
    ping: '{"t":"ping"}',
    onOpen: () => (opened += 1),
    onText: (text) => texts.push(text),
    onState: (state) => states.push(state),
    open: sockets.open,
    random: () => 0.5,
  })
  return { socket, sockets, states, texts, opened: () => opened }
}

describe('LastingSocket', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('tries again with growing pauses and asks for the address anew', () => {
    const { socket, sockets } = build()
    socket.start()
    for (let attempt = 0; attempt < 4; attempt++) {
      sockets.last().cut()
      expect(sockets.all).toHaveLength(attempt + 1)
      vi.advanceTimersByTime(BACKOFF_MS.first * BACKOFF_MS.factor ** attempt + 1)
      expect(sockets.all).toHaveLength(attempt + 2)
    }
    expect(sockets.last().url).toBe('ws://test/4')
  })

  it('never waits longer than the bound, and starts over after a sign of life', () => {
    const { socket, sockets } = build()
    socket.start()
    for (let attempt = 1; attempt <= 20; attempt++) {
      sockets.last().cut()
      const from = Date.now()
      vi.advanceTimersToNextTimer()
      expect(sockets.all).toHaveLength(attempt + 1)
      expect(Date.now() - from).toBeLessThanOrEqual(BACKOFF_MS.most)
    }
    sockets.last().accept()
    sockets.last().say({ t: 'pong' })
    sockets.last().cut()
    vi.advanceTimersByTime(BACKOFF_MS.first + 1)
    expect(sockets.all).toHaveLength(22)
  })

  it('pings a silent peer and leaves one that does not answer', () => {
    const { socket, sockets, states } = build()
    socket.start()
    sockets.last().accept()
    vi.advanceTimersByTime(HEARTBEAT_MS.every)
    expect(sockets.last().frames).toEqual([{ t: 'ping' }])
    const silent = sockets.last()
    vi.advanceTimersByTime(HEARTBEAT_MS.patience)
    expect(silent.closedWith?.code).toBe(4000)
    expect(states.at(-1)).toBe('waiting')
    // What the dead connection still says is nobody's business.
    silent.say({ t: 'late' })
    silent.cut()
    expect(states.at(-1)).toBe('waiting')
  })

  it('does not ping while the peer talks', () => {
    const { socket, sockets } = build()
    socket.start()
    sockets.last().accept()
    for (let i = 0; i < 5; i++) {
      vi.advanceTimersByTime(HEARTBEAT_MS.every - 1)
      sockets.last().say({ t: 'anything' })
    }
    expect(sockets.last().sent).toHaveLength(0)
  })

  it('gives up on a refused token until it is started again', () => {
    const { socket, sockets, states } = build()
    socket.start()
    sockets.last().accept()
    sockets.last().cut(1008, 'Token expired')
    vi.advanceTimersByTime(60_000)
    expect(sockets.all).toHaveLength(1)
    expect(states.at(-1)).toBe('refused')
    socket.start()
    expect(sockets.all).toHaveLength(2)
  })

  it('connects at once when the network is back', () => {
    const { socket, sockets } = build()
    socket.start()
    sockets.last().cut()
    window.dispatchEvent(new Event('online'))
    expect(sockets.all).toHaveLength(2)
    vi.advanceTimersByTime(1000)
    expect(sockets.all).toHaveLength(2)
  })

  it('gives up an attempt whose handshake never ends', () => {
    const { socket, sockets } = build()
    socket.start()
    vi.advanceTimersByTime(HEARTBEAT_MS.connect + BACKOFF_MS.first + 1)
    expect(sockets.all).toHaveLength(2)
  })

  it('is quiet after stop', () => {
    const { socket, sockets, texts } = build()
    socket.start()
    sockets.last().accept()
    socket.stop()
    sockets.last().say({ t: 'late' })
    sockets.last().cut()
    vi.advanceTimersByTime(60_000)
    expect(sockets.all).toHaveLength(1)
    expect(texts).toEqual([])
    expect(socket.send('x')).toBe(false)
  })
})
