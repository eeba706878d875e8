import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ChatFrame, SendFrame } from '@/chat/frames'
import { ChatSocket } from '@/chat/socket'
import { EMPTY, markStale, reduce, textOf, withOwn, type Transcript } from '@/chat/transcript'
import { fakeSockets } from './fakes'

const PING = { ct: 'chat', t: 'ping' }
const PONG = { ct: 'chat', type: 'pong' }

function frame(id: string): SendFrame {
  return { ct: 'chat', t: 'send', session_id: 's', message_id: id, message: [{ type: 'plain', text: id }], show_reasoning: true, enable_streaming: true }
}

/** The socket together with the transcript it feeds, as the store joins them. */
function build() {
  const sockets = fakeSockets()
  const seen: ChatFrame[] = []
  let transcript: Transcript = EMPTY
  const socket = new ChatSocket({
    token: () => 'the-token',
    lastId: () => transcript.lastId,
    onFrame: (next) => {
      seen.push(next)
      transcript = reduce(transcript, next, '2026-01-01T00:00:00Z')
    },
    onRebind: () => (transcript = markStale(transcript)),
    onState: () => undefined,
    open: sockets.open,
  })
  const send = (id: string): void => {
    transcript = withOwn(transcript, id, [{ type: 'plain', text: id }], '2026-01-01T00:00:00Z')
    socket.send(frame(id))
  }
  const reconnect = (): void => {
    sockets.last().cut()
    vi.advanceTimersByTime(5_000)
    sockets.last().accept()
  }
  return { socket, sockets, seen, send, reconnect, transcript: () => transcript }
}

const of = (id: string, rest: Record<string, unknown>): Record<string, unknown> => ({ ct: 'chat', session_id: 's', message_id: id, ...rest })

describe('ChatSocket', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('binds with the last id it knows, again after every reconnection', () => {
    const { socket, sockets, reconnect } = build()
    socket.start()
    socket.watch('s')
    sockets.last().accept()
    expect(sockets.last().frames).toEqual([{ ct: 'chat', t: 'bind', session_id: 's', after: 0 }, PING])
    sockets.last().say(PONG)
    sockets.last().say(of('m', { type: 'user_message_saved', data: { id: 7, created_at: 'now', message: [{ type: 'plain', text: 'x' }] } }))
    reconnect()
    expect(sockets.last().frames[0]).toEqual({ ct: 'chat', t: 'bind', session_id: 's', after: 7 })
    expect(sockets.last().url).toContain('token=the-token')
  })

  it('sends an unacknowledged message again after the replay, under its own id', () => {
    const { socket, sockets, send, reconnect } = build()
    socket.start()
    socket.watch('s')
    sockets.last().accept()
    sockets.last().say(PONG)
    send('m1')
    expect(sockets.last().frames.at(-1)?.message_id).toBe('m1')
    reconnect()
    expect(sockets.last().frames.some((sent) => sent.t === 'send')).toBe(false)
    sockets.last().say(PONG)
    expect(sockets.last().frames.filter((sent) => sent.message_id === 'm1')).toHaveLength(1)
  })

  it('does not repeat a message that the replay shows as stored', () => {
    const { socket, sockets, send, reconnect, transcript } = build()
    socket.start()
    socket.watch('s')
    sockets.last().accept()
    sockets.last().say(PONG)
    send('m1')
    reconnect()
    sockets.last().say(of('m1', { type: 'user_message_saved', data: { id: 3, created_at: 'now', message: [{ type: 'plain', text: 'm1' }] } }))
    sockets.last().say(PONG)
    expect(sockets.last().frames.some((sent) => sent.t === 'send')).toBe(false)
    expect(transcript().messages.filter((message) => message.role === 'user')).toHaveLength(1)
  })

  it('holds what is sent while offline and while a replay is under way', () => {
    const { socket, sockets, send } = build()
    socket.start()
    socket.watch('s')
    send('m1')
    sockets.last().accept()
    send('m2')
    expect(sockets.last().frames.some((sent) => sent.t === 'send')).toBe(false)
    sockets.last().say(PONG)
    expect(sockets.last().frames.filter((sent) => sent.t === 'send').map((sent) => sent.message_id)).toEqual(['m1', 'm2'])
  })

  it('completes a reply that was cut in its middle, without loss or repetition', () => {
    const { socket, sockets, send, reconnect, transcript } = build()
    socket.start()
    socket.watch('s')
    sockets.last().accept()
    sockets.last().say(PONG)
    send('m1')
    sockets.last().say(of('m1', { type: 'user_message_saved', data: { id: 1, created_at: 'now' } }))
    sockets.last().say(of('m1', { type: 'plain', data: 'Hello ', streaming: true, chain_type: null }))
    reconnect()
    // The reply ended meanwhile: the replay tells the stored message.
    sockets.last().say(of('m1', { type: 'plain', data: 'Hello world', streaming: false, chain_type: null }))
    sockets.last().say(of('m1', { type: 'message_saved', data: { id: 2, created_at: 'now' } }))
    sockets.last().say(of('m1', { type: 'end', data: '', streaming: false }))
    sockets.last().say(PONG)
    const messages = transcript().messages
    expect(messages.map((message) => [message.role, textOf(message), message.status])).toEqual([
      ['user', 'm1', 'done'],
      ['bot', 'Hello world', 'done'],
    ])
  })
})
