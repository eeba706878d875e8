import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ApiError } from '@/api/client'
import type { StoredMessage } from '@/api/types'
import type { ChatFrame, SendFrame } from '@/chat/frames'
import { ChatSocket, SETTLE_RETRY_MS } from '@/chat/socket'
import { EMPTY, markStale, reduce, sentAgain, textOf, withOwn, type Transcript } from '@/chat/transcript'
import { fakeSockets } from './fakes'

const NOW = '2026-01-01T00:00:00Z'

function frame(id: string): SendFrame {
  return { ct: 'chat', t: 'send', session_id: 's', message_id: id, message: [{ type: 'plain', text: id }], show_reasoning: true, enable_streaming: true, locale: 'en' }
}

function row(id: number, text: string): StoredMessage {
  return { id, role: 'user', text, parts: [{ type: 'plain', text }], created_at: NOW, interrupted: false, turn_id: '', meta: {} }
}

/** The socket together with the transcript it feeds, as the store joins them; `history` is what the server has stored. */
function build(history: StoredMessage[] = [], stored: () => Promise<readonly StoredMessage[]> = async () => history) {
  const sockets = fakeSockets()
  let transcript: Transcript = EMPTY
  const socket = new ChatSocket({
    token: () => 'the-token',
    lastId: () => transcript.lastId,
    stored,
    onFrame: (next: ChatFrame) => (transcript = reduce(transcript, next, NOW)),
    onRebind: () => (transcript = markStale(transcript)),
    onResend: (frame) => (transcript = sentAgain(transcript, frame.message_id)),
    onState: () => undefined,
    open: sockets.open,
  })
  const send = (id: string): void => {
    transcript = withOwn(transcript, id, [{ type: 'plain', text: id }], NOW)
    socket.send(frame(id))
  }
  const cut = (): void => {
    sockets.last().cut()
    vi.advanceTimersByTime(5_000)
  }
  const accept = async (): Promise<void> => {
    sockets.last().accept()
    await vi.advanceTimersByTimeAsync(0)
  }
  const start = async (): Promise<void> => {
    socket.start()
    socket.watch('s')
    await accept()
  }
  /** A message is sent, and the connection cut before an answer; it comes back at once. */
  const cutAfter = async (id: string): Promise<void> => {
    await start()
    send(id)
    cut()
    await accept()
  }
  const bound = (): void => sockets.last().say({ ct: 'chat', type: 'session_bound', session_id: 's', message_id: 'ws_sub_1' })
  return { socket, sockets, send, cut, accept, start, cutAfter, bound, transcript: () => transcript }
}

const of = (id: string, rest: Record<string, unknown>): Record<string, unknown> => ({ ct: 'chat', session_id: 's', message_id: id, ...rest })
const saved = (id: string, history: number, text?: string): Record<string, unknown> =>
  of(id, { type: 'user_message_saved', data: { id: history, created_at: NOW, ...(text ? { message: [{ type: 'plain', text }] } : {}) } })
const sends = (frames: Record<string, unknown>[]): unknown[] => frames.filter((sent) => sent.t === 'send').map((sent) => sent.message_id)
const said = (transcript: Transcript): unknown[] => transcript.messages.map((message) => [message.role, textOf(message), message.status])

describe('ChatSocket', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('binds with the last id it knows, again after every reconnection', async () => {
    const { sockets, cut, accept, start } = build()
    await start()
    expect(sockets.last().frames).toEqual([{ ct: 'chat', t: 'bind', session_id: 's', after: 0 }])
    sockets.last().say(saved('m', 7, 'x'))
    cut()
    await accept()
    expect(sockets.last().frames[0]).toEqual({ ct: 'chat', t: 'bind', session_id: 's', after: 7 })
    expect(sockets.last().url).toContain('token=the-token')
  })

  it('sends a message that never arrived again, under its own id', async () => {
    const { sockets, send, cut, accept, start } = build()
    await start()
    send('m1')
    expect(sends(sockets.last().frames)).toEqual(['m1'])
    cut()
    await accept()
    expect(sends(sockets.last().frames)).toEqual(['m1'])
  })

  it('does not repeat a message that the history shows as stored', async () => {
    const { socket, sockets, cutAfter, transcript } = build([row(3, 'm1')])
    await cutAfter('m1')
    expect(sends(sockets.last().frames)).toEqual([])
    expect(socket.pending).toEqual([])
    expect(transcript().messages[0]).toMatchObject({ id: 3, status: 'done' })
  })

  it('ends the wait for a reply whose question arrived, but whose server died', async () => {
    const { cutAfter, bound, transcript } = build([row(3, 'm1')])
    await cutAfter('m1')
    bound()
    expect(said(transcript())).toEqual([
      ['user', 'm1', 'done'],
      ['bot', '', 'interrupted'],
    ])
  })

  it('goes on with a reply that was given up too early', async () => {
    const { sockets, cutAfter, bound, transcript } = build([row(3, 'm1')])
    await cutAfter('m1')
    bound()
    sockets.last().say(of('m1', { type: 'plain', data: 'Late, ', streaming: true, chain_type: null }))
    sockets.last().say(of('m1', { type: 'plain', data: 'but here', streaming: true, chain_type: null }))
    sockets.last().say(of('m1', { type: 'message_saved', data: { id: 4, created_at: NOW } }))
    sockets.last().say(of('m1', { type: 'end', data: '', streaming: false }))
    expect(said(transcript())).toEqual([
      ['user', 'm1', 'done'],
      ['bot', 'Late, but here', 'done'],
    ])
  })

  it('waits for the reply of a message that it sends again', async () => {
    const { sockets, cutAfter, transcript } = build()
    await cutAfter('m1')
    sockets.last().say(saved('m1', 3))
    expect(said(transcript())).toEqual([
      ['user', 'm1', 'done'],
      ['bot', '', 'streaming'],
    ])
  })

  it('asks again what became of a message when the server could not say', async () => {
    let asked = 0
    const { sockets, cutAfter } = build([], async () => {
      if (++asked < 3) throw new ApiError('starting', 503)
      return []
    })
    await cutAfter('m1')
    expect(sends(sockets.last().frames)).toEqual([])
    await vi.advanceTimersByTimeAsync(2 * SETTLE_RETRY_MS)
    expect(sends(sockets.last().frames)).toEqual(['m1'])
  })

  it('shows a message as not sent whose session is gone', async () => {
    const { socket, cutAfter, transcript } = build([], () => Promise.reject(new ApiError('session_id not found', 404, 'NOT_FOUND')))
    await cutAfter('m1')
    expect(socket.pending).toEqual([])
    expect(transcript().messages.map((message) => message.status)).toEqual(['failed', 'done'])
  })

  it('takes its own message back from a replay that knows it by another name', async () => {
    const { sockets, send, cut, accept, start, transcript } = build([row(3, 'm1')])
    await start()
    send('m1')
    cut()
    sockets.last().accept()
    sockets.last().say(saved('turn-1', 3, 'm1'))
    await accept()
    sockets.last().say(of('turn-1', { type: 'plain', data: 'Answer', streaming: false, chain_type: null }))
    sockets.last().say(of('turn-1', { type: 'message_saved', data: { id: 4, created_at: NOW } }))
    sockets.last().say(of('turn-1', { type: 'end', data: '', streaming: false }))
    expect(said(transcript())).toEqual([
      ['user', 'm1', 'done'],
      ['bot', 'Answer', 'done'],
    ])
  })

  it('tells two equal messages apart by their place', async () => {
    const { socket, sockets, cut, accept, start } = build([row(1, 'again')])
    await start()
    sockets.last().say(saved('old', 1, 'again'))
    socket.send({ ...frame('m2'), message: [{ type: 'plain', text: 'again' }] })
    cut()
    await accept()
    expect(sends(sockets.last().frames)).toEqual(['m2'])
  })

  it('sends what was written while offline, in order', async () => {
    const { socket, sockets, send, accept } = build()
    socket.start()
    socket.watch('s')
    send('m1')
    send('m2')
    expect(sockets.last().frames).toEqual([])
    await accept()
    expect(sends(sockets.last().frames)).toEqual(['m1', 'm2'])
  })

  it('completes a reply that was cut in its middle, without loss or repetition', async () => {
    const { sockets, send, cut, accept, start, transcript } = build()
    await start()
    send('m1')
    sockets.last().say(saved('m1', 1))
    sockets.last().say(of('m1', { type: 'plain', data: 'Hello ', streaming: true, chain_type: null }))
    cut()
    await accept()
    // The reply ended meanwhile: the replay tells the stored message, by the turn's name.
    sockets.last().say(of('turn-1', { type: 'plain', data: 'Hello world', streaming: false, chain_type: null }))
    sockets.last().say(of('turn-1', { type: 'message_saved', data: { id: 2, created_at: NOW } }))
    sockets.last().say(of('turn-1', { type: 'end', data: '', streaming: false }))
    expect(said(transcript())).toEqual([
      ['user', 'm1', 'done'],
      ['bot', 'Hello world', 'done'],
    ])
  })

  it('goes on with a reply that is still being told after the reconnection', async () => {
    const { sockets, send, cut, accept, start, transcript } = build()
    await start()
    send('m1')
    sockets.last().say(saved('m1', 1))
    sockets.last().say(of('m1', { type: 'plain', data: 'One two ', streaming: true, chain_type: null }))
    cut()
    await accept()
    sockets.last().say(of('m1', { type: 'plain', data: 'four', streaming: true, chain_type: null }))
    sockets.last().say(of('m1', { type: 'complete', data: 'One two three four', streaming: true }))
    sockets.last().say(of('m1', { type: 'message_saved', data: { id: 2, created_at: NOW } }))
    sockets.last().say(of('m1', { type: 'end', data: '', streaming: false }))
    expect(said(transcript())).toEqual([
      ['user', 'm1', 'done'],
      ['bot', 'One two three four', 'done'],
    ])
  })
})
