import { describe, expect, it } from 'vitest'
import type { StoredMessage } from '@/api/types'
import { parseChatFrame, type ChatFrame } from '@/chat/frames'
import { EMPTY, markStale, reduce, textOf, toParts, truncated, withHistory, withOwn, type Transcript } from '@/chat/transcript'

const NOW = '2026-01-01T00:00:00Z'

function play(state: Transcript, frames: ChatFrame[]): Transcript {
  return frames.reduce((next, frame) => reduce(next, frame, NOW), state)
}

const delta = (data: string, message_id = 'm'): ChatFrame => ({ type: 'plain', data, streaming: true, chain_type: null, message_id })
const whole = (data: string, message_id = 'm'): ChatFrame => ({ type: 'plain', data, streaming: false, chain_type: null, message_id })
const tool = (value: unknown): ChatFrame => ({ type: 'plain', data: JSON.stringify(value), streaming: true, chain_type: 'tool_call', message_id: 'm' })
const answer = (value: unknown): ChatFrame => ({ type: 'plain', data: JSON.stringify(value), streaming: true, chain_type: 'tool_call_result', message_id: 'm' })
const complete = (data: string): ChatFrame => ({ type: 'complete', data, message_id: 'm' })
const saved = (id: number, message_id = 'm'): ChatFrame => ({ type: 'message_saved', data: { id, created_at: NOW }, message_id })
const end = (message_id = 'm'): ChatFrame => ({ type: 'end', message_id })
const own = (): Transcript => withOwn(EMPTY, 'm', [{ type: 'plain', text: 'question' }], NOW)
const bots = (state: Transcript) => state.messages.filter((message) => message.role === 'bot')

function stored(id: number, role: 'user' | 'bot', text: string): StoredMessage {
  return { id, role, text, parts: [{ type: 'plain', text }], created_at: NOW, interrupted: false, turn_id: '', meta: {} }
}

describe('transcript', () => {
  it('joins deltas and closes with the whole text', () => {
    const state = play(own(), [delta('Hel'), delta('lo'), complete('Hello'), saved(2), end()])
    expect(bots(state).map((bot) => [textOf(bot), bot.status, bot.id])).toEqual([['Hello', 'done', 2]])
    expect(state.lastId).toBe(2)
  })

  it('keeps tools between the texts they stand between', () => {
    const state = play(own(), [
      delta('Let me look. '),
      complete('Let me look. '),
      tool({ id: 'c', name: 'clock', args: { zone: 'UTC' }, ts: 10 }),
      answer({ id: 'c', result: '12:00', ok: true, ts: 10.5 }),
      delta('It is noon.'),
      complete('It is noon.'),
      end(),
    ])
    const [bot] = bots(state)
    expect(bot?.blocks.map((block) => block.kind)).toEqual(['text', 'tool', 'text'])
    expect(bot?.blocks[1]).toMatchObject({ name: 'clock', result: '12:00', ok: true, startedAt: 10, endedAt: 10.5 })
  })

  it('mends a reply of which a part was missed', () => {
    const state = play(markStale(play(own(), [delta('The quick ')])), [delta('over the lazy dog'), complete('The quick fox jumps over the lazy dog'), end()])
    expect(bots(state).map(textOf)).toEqual(['The quick fox jumps over the lazy dog'])
  })

  const bound = (frames: ChatFrame[] | null, message_id = 'm'): ChatFrame => ({ type: 'session_bound', running: frames ? [{ message_id, frames }] : [] })
  const cut = (): Transcript => markStale(play(own(), [{ type: 'user_message_saved', data: { id: 1, created_at: NOW }, message_id: 'm' }, delta('The quick ')]))

  it('has no gap in a reply that goes on after a reconnection', () => {
    const state = play(cut(), [bound([delta('The quick brown fox ')]), delta('jumps over')])
    expect(bots(state).map((bot) => [textOf(bot), bot.stale, bot.status])).toEqual([['The quick brown fox jumps over', null, 'streaming']])
    expect(bots(play(state, [complete('The quick brown fox jumps over'), saved(2), end()])).map(textOf)).toEqual(['The quick brown fox jumps over'])
  })

  it('shows a caught-up reply once, whose end comes from the store', () => {
    const state = play(cut(), [bound([delta('The quick brown')]), whole('The quick brown fox', 'turn'), saved(2, 'turn'), end('turn')])
    expect(bots(state).map((bot) => [textOf(bot), bot.status, bot.id])).toEqual([['The quick brown fox', 'done', 2]])
  })

  it('ends a reply that nobody is telling any more', () => {
    const lost = play(cut(), [bound(null)])
    expect(bots(lost).map((bot) => [textOf(bot), bot.status])).toEqual([['The quick ', 'interrupted']])
    const found = play(lost, [whole('The quick brown fox', 'turn'), saved(2, 'turn'), end('turn')])
    expect(bots(found).map((bot) => [textOf(bot), bot.status])).toEqual([['The quick brown fox', 'done']])
  })

  it('puts the question of a reply that was already under way before it', () => {
    const asked: ChatFrame = { type: 'user_message_saved', data: { id: 7, created_at: NOW, message: [{ type: 'plain', text: 'from the phone' }] }, message_id: 'turn' }
    const state = play(EMPTY, [bound([delta('An ans', 'x')], 'x'), asked, delta('wer', 'x')])
    expect(state.messages.map((message) => [message.role, textOf(message)])).toEqual([
      ['user', 'from the phone'],
      ['bot', 'An answer'],
    ])
  })

  it('starts a reply over that is replayed whole', () => {
    const state = play(markStale(play(own(), [delta('The quick ')])), [whole('The quick brown fox'), saved(2), end()])
    expect(bots(state).map(textOf)).toEqual(['The quick brown fox'])
  })

  it('ignores the replay of a message that is here already', () => {
    const before = play(own(), [delta('Hi'), complete('Hi'), saved(5), end()])
    const after = play(before, [whole('Hi'), saved(5), end()])
    expect(after.messages.map((message) => message.key)).toEqual(before.messages.map((message) => message.key))
  })

  it('shows what another client sent', () => {
    const state = play(EMPTY, [
      { type: 'user_message_saved', data: { id: 1, created_at: NOW, message: [{ type: 'plain', text: 'from the phone' }] }, message_id: 'x' },
      delta('Answer', 'x'),
      end('x'),
    ])
    expect(state.messages.map((message) => [message.role, textOf(message)])).toEqual([
      ['user', 'from the phone'],
      ['bot', 'Answer'],
    ])
  })

  it('takes an interrupted reply and its id', () => {
    const state = play(own(), [delta('Once upon'), { type: 'error', code: 'INTERRUPTED', data: 'stopped', message_id: 'm' }, saved(9), end()])
    expect(bots(state).map((bot) => [textOf(bot), bot.status, bot.id])).toEqual([['Once upon', 'interrupted', 9]])
  })

  it('says why a message failed and leaves no empty reply behind', () => {
    const failed = play(own(), [{ type: 'error', code: 'PROVIDER_ERROR', data: 'no key', message_id: 'm' }, end()])
    expect(failed.messages[0]?.status).toBe('failed')
    expect(bots(failed)[0]?.blocks).toEqual([{ kind: 'error', code: 'PROVIDER_ERROR', text: 'no key' }])
    expect(bots(play(own(), [end()]))).toEqual([])
  })

  it('gives media its attachment when that is known', () => {
    const state = play(own(), [
      { type: 'image', data: '[IMAGE]cat.png', message_id: 'm' },
      { type: 'attachment_saved', data: { id: 'a1', type: 'image' }, message_id: 'm' },
    ])
    expect(bots(state)[0]?.blocks).toEqual([{ kind: 'media', type: 'image', filename: 'cat.png', attachmentId: 'a1' }])
  })

  it('puts older pages in front and keeps what is being said', () => {
    const first = withHistory(EMPTY, [stored(3, 'user', 'c'), stored(4, 'bot', 'd')], true, true)
    const speaking = withOwn(first, 'm', [{ type: 'plain', text: 'e' }], NOW)
    const all = withHistory(speaking, [stored(1, 'user', 'a'), stored(2, 'bot', 'b')], false, false)
    expect(all.messages.map(textOf)).toEqual(['a', 'b', 'c', 'd', 'e', ''])
    expect(all.hasMore).toBe(false)
    expect(all.lastId).toBe(4)
  })

  it('makes parts to send again, quotation and files included', () => {
    const parts = [
      { type: 'reply', message_id: 4, selected_text: 'that' },
      { type: 'image', attachment_id: 'a', filename: 'x.png' },
      { type: 'plain', text: 'look' },
    ] as const
    const state = withOwn(EMPTY, 'm', parts, NOW)
    const message = state.messages[0]
    expect(message && toParts(message)).toEqual(parts)
    expect(truncated(state, message?.key ?? '').messages).toEqual([])
  })

  it('reads frames and leaves unknown ones alone', () => {
    expect(parseChatFrame('{"ct":"chat","t":"error","code":"TIMEOUT","data":"x"}')).toMatchObject({ type: 'error', code: 'TIMEOUT' })
    expect(parseChatFrame('{"type":"brand_new"}')).toBeNull()
    expect(parseChatFrame('not json')).toBeNull()
    expect(parseChatFrame('null')).toBeNull()
  })
})
