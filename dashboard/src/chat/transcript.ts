/** A session's messages as one pure function of what came: stored history, own messages, frames. No frame is shown twice. */
import type { MediaKind, Part, ReplyFigures, StoredMessage } from '@/api/types'
import type { ChatFrame, RunningRequest } from './frames'
import { samePartsAs } from './parts'

export interface ToolBlock {
  kind: 'tool'
  id: string
  name: string
  args: unknown
  result: string | null
  ok: boolean | null
  startedAt: number
  endedAt: number | null
}
export interface MediaBlock {
  kind: 'media'
  type: MediaKind
  attachmentId: string | null
  filename: string
}
export type Block =
  | { kind: 'text'; text: string }
  | { kind: 'reasoning'; text: string }
  | { kind: 'error'; code: string; text: string }
  | ToolBlock
  | MediaBlock

export type Status = 'sending' | 'streaming' | 'done' | 'interrupted' | 'failed'

export interface ChatMessage {
  key: string
  /** History id; null until it is stored. */
  id: number | null
  messageId: string
  role: 'user' | 'bot'
  blocks: Block[]
  quote: { id: string | number; text: string } | null
  createdAt: string
  status: Status
  stats: ReplyFigures | null
  /** Index of the first block of the stream that `complete` will close. */
  openFrom: number
  /** `cut`: the connection broke in the middle. `told`: what was missed is here. A replay may yet tell either whole. */
  stale: null | 'cut' | 'told'
}

export interface Transcript {
  messages: readonly ChatMessage[]
  /** The greatest stored id, for catching up. */
  lastId: number
  hasMore: boolean
}

export const EMPTY: Transcript = { messages: [], lastId: 0, hasMore: false }

export function fromStored(stored: StoredMessage): ChatMessage {
  const meta = stored.meta ?? {}
  const blocks: Block[] = []
  if (meta.reasoning) blocks.push({ kind: 'reasoning', text: meta.reasoning })
  for (const call of meta.tools ?? []) {
    blocks.push({
      kind: 'tool',
      id: call.id,
      name: call.name,
      args: call.args,
      result: call.result ?? '',
      ok: call.ok ?? true,
      startedAt: call.ts ?? 0,
      endedAt: call.finished_ts ?? call.ts ?? 0,
    })
  }
  const shown = fromParts(stored.parts)
  if (!shown.blocks.length && stored.text) shown.blocks.push({ kind: 'text', text: stored.text })
  return {
    key: `h${stored.id}`,
    id: stored.id,
    messageId: meta.message_id ?? '',
    role: stored.role === 'user' ? 'user' : 'bot',
    blocks: [...blocks, ...shown.blocks],
    quote: shown.quote,
    createdAt: stored.created_at,
    status: stored.interrupted ? 'interrupted' : 'done',
    stats: meta.stats ?? null,
    openFrom: 0,
    stale: null,
  }
}

function fromParts(parts: readonly Part[]): { blocks: Block[]; quote: ChatMessage['quote'] } {
  const blocks: Block[] = []
  let quote: ChatMessage['quote'] = null
  for (const part of parts) {
    if (part.type === 'plain') blocks.push({ kind: 'text', text: part.text })
    else if (part.type === 'reply') quote = { id: part.message_id, text: part.selected_text ?? '' }
    else blocks.push({ kind: 'media', type: part.type, attachmentId: part.attachment_id, filename: part.filename ?? '' })
  }
  return { blocks, quote }
}

/** Parts to send again what a message said. */
export function toParts(message: ChatMessage): Part[] {
  const parts: Part[] = []
  if (message.quote) parts.push({ type: 'reply', message_id: message.quote.id, selected_text: message.quote.text })
  for (const block of message.blocks) {
    if (block.kind === 'text') parts.push({ type: 'plain', text: block.text })
    if (block.kind === 'media' && block.attachmentId) parts.push({ type: block.type, attachment_id: block.attachmentId, filename: block.filename })
  }
  return parts
}

export function textOf(message: ChatMessage): string {
  return message.blocks
    .filter((block) => block.kind === 'text')
    .map((block) => block.text)
    .join('\n')
}

/** Puts a page of history in front, or replaces everything when `fresh`. Own unsent messages stay at the end. */
export function withHistory(state: Transcript, history: readonly StoredMessage[], hasMore: boolean, fresh: boolean): Transcript {
  const page = history.filter((row) => row.role !== 'context').map(fromStored)
  const ids = new Set(page.map((message) => message.id))
  const rest = state.messages.filter((message) => (fresh ? message.id === null || message.id > (page.at(-1)?.id ?? 0) : !ids.has(message.id)))
  const messages = [...page, ...rest]
  const lastId = Math.max(state.lastId, ...history.map((row) => row.id), 0)
  return { messages, lastId, hasMore }
}

export function withOwn(state: Transcript, messageId: string, parts: readonly Part[], createdAt: string): Transcript {
  const { blocks, quote } = fromParts(parts)
  const own = blank(messageId, 'user', createdAt)
  return { ...state, messages: [...state.messages, { ...own, blocks, quote, status: 'sending' }, blank(messageId, 'bot', createdAt)] }
}

/** Removes a message and all after it, as the server does before an edited message is sent again. */
export function truncated(state: Transcript, key: string): Transcript {
  const at = state.messages.findIndex((message) => message.key === key)
  return at < 0 ? state : { ...state, messages: state.messages.slice(0, at) }
}

/** Marks replies that were being told when the connection broke. */
export function markStale(state: Transcript): Transcript {
  return {
    ...state,
    messages: state.messages.map((message) => (message.role === 'bot' && message.status === 'streaming' ? { ...message, stale: 'cut' } : message)),
  }
}

/** A message that never arrived is sent again: its reply is a new one. */
export function sentAgain(state: Transcript, messageId: string): Transcript {
  return { ...state, messages: state.messages.map((message) => (message.messageId === messageId ? { ...message, stale: null } : message)) }
}

function blank(messageId: string, role: 'user' | 'bot', createdAt: string): ChatMessage {
  return {
    key: `${role === 'user' ? 'u' : 'b'}${messageId}`,
    id: null,
    messageId,
    role,
    blocks: [],
    quote: null,
    createdAt,
    status: 'streaming',
    stats: null,
    openFrom: 0,
    stale: null,
  }
}

export function reduce(state: Transcript, frame: ChatFrame, now: string): Transcript {
  const messageId = frame.message_id ?? ''
  switch (frame.type) {
    case 'session_bound':
      return caughtUp(state, frame.running ?? [], now)
    case 'session_id':
    case 'pong':
      return state
    case 'user_message_saved':
      return userSaved(state, messageId, frame.data, now)
    case 'plain':
      return onBot(state, messageId, now, (bot) => plain(bot, frame.data, frame.streaming, frame.chain_type ?? null))
    case 'image':
    case 'record':
    case 'file':
    case 'video': {
      const filename = frame.data.replace(/^\[[A-Z]+\]/, '')
      const block: Block = { kind: 'media', type: frame.type, attachmentId: null, filename }
      return onBot(state, messageId, now, (bot) => ({ ...fresh(bot), blocks: [...fresh(bot).blocks, block] }))
    }
    case 'attachment_saved':
      return onBot(state, messageId, now, (bot) => named(bot, frame.data))
    case 'agent_stats':
      return onBot(state, messageId, now, (bot) => {
        const usage = frame.data.token_usage
        const { time_to_first_token, start_time, end_time } = frame.data
        const stats: ReplyFigures = { input_tokens: usage.input_other + usage.input_cached, output_tokens: usage.output, time_to_first_token, total_time: Math.max(0, end_time - start_time) }
        return { ...bot, stats }
      })
    case 'complete':
      return onBot(state, messageId, now, (bot) => completed(bot, frame.data, frame.reasoning ?? ''))
    case 'message_saved': {
      const { id, created_at } = frame.data
      if (state.messages.some((message) => message.id === id)) return withoutReplayed(state, messageId)
      const lastId = Math.max(state.lastId, id)
      // An interrupted reply is stored after it was marked as such.
      const at = state.messages.findLastIndex((message) => message.role === 'bot' && message.messageId === messageId && message.id === null)
      const bot = state.messages[at]
      return bot ? { ...state, lastId, messages: state.messages.with(at, { ...bot, id, createdAt: created_at }) } : { ...state, lastId }
    }
    case 'end':
      return ended(state, messageId)
    case 'error':
      return failed(state, messageId, frame.code, frame.data, now)
    default:
      return frame satisfies never
  }
}

function openBot(state: Transcript, messageId: string): number {
  return state.messages.findLastIndex((message) => message.role === 'bot' && message.messageId === messageId && message.status === 'streaming')
}

/** A replay may know a message by another name than its sender did: the oldest reply that was cut is the one told again. */
function adoptable(state: Transcript, messageId: string): number {
  if (state.messages.some((message) => message.messageId === messageId)) return -1
  return state.messages.findIndex((message, index) => message.role === 'bot' && message.stale && state.messages[index - 1]?.id !== null)
}

/** The reply being told under this id, or one that was given up too early; -1 for none. */
function botOf(state: Transcript, messageId: string): number {
  const open = openBot(state, messageId)
  return open >= 0 ? open : state.messages.findLastIndex((message) => message.role === 'bot' && message.messageId === messageId && message.stale !== null)
}

/** Changes the reply being told under this id; makes one when there is none (a proactive message, another client's turn). */
function onBot(state: Transcript, messageId: string, now: string, change: (bot: ChatMessage) => ChatMessage): Transcript {
  const at = botOf(state, messageId)
  const bot = state.messages[at]
  if (bot) return { ...state, messages: state.messages.with(at, change({ ...bot, status: 'streaming' })) }
  const cut = adoptable(state, messageId)
  const stale = state.messages[cut]
  if (stale) return { ...state, messages: state.messages.with(cut, change({ ...stale, messageId, status: 'streaming' })) }
  const made = blank(messageId, 'bot', now)
  const repeats = state.messages.some((message) => message.key === made.key)
  return { ...state, messages: [...state.messages, change(repeats ? { ...made, key: `${made.key}.${state.messages.length}` } : made)] }
}

/** A reply that is told again starts over. */
function fresh(bot: ChatMessage): ChatMessage {
  return bot.stale ? { ...bot, stale: null, blocks: [], openFrom: 0 } : bot
}

/** Replies under way are told up to here. One that was cut and is not among them ends where it is, unless a replay follows. */
function caughtUp(state: Transcript, running: readonly RunningRequest[], now: string): Transcript {
  const names = new Set(running.map((request) => request.message_id))
  const messages = state.messages.map((message, index) =>
    message.stale === 'cut' && !names.has(message.messageId) && state.messages[index - 1]?.id !== null ? { ...message, status: 'interrupted' as const } : message,
  )
  return running.reduce<Transcript>((next, request) => told(next, request, now), { ...state, messages })
}

function told(state: Transcript, { message_id, frames }: RunningRequest, now: string): Transcript {
  if (!frames.length && botOf(state, message_id) < 0) return state
  const begun = onBot(state, message_id, now, (bot) => ({ ...bot, blocks: [], openFrom: 0 }))
  const retold = frames.reduce((next, frame) => reduce(next, frame, now), begun)
  return onBot(retold, message_id, now, (bot) => ({ ...bot, stale: 'told' }))
}

function append(bot: ChatMessage, kind: 'text' | 'reasoning', text: string): ChatMessage {
  const last = bot.blocks.at(-1)
  if (last?.kind === kind && bot.blocks.length - 1 >= bot.openFrom) {
    return { ...bot, blocks: bot.blocks.with(-1, { kind, text: last.text + text }) }
  }
  return { ...bot, blocks: [...bot.blocks, { kind, text }] }
}

function plain(message: ChatMessage, data: string, streaming: boolean, chain: 'reasoning' | 'tool_call' | 'tool_call_result' | null): ChatMessage {
  // A stored reply is told from its start; a running one goes on where it is.
  const bot = streaming ? { ...message, stale: null } : fresh(message)
  switch (chain) {
    case null:
      if (streaming) return append(bot, 'text', data)
      return { ...bot, blocks: [...bot.blocks, { kind: 'text', text: data }], openFrom: bot.blocks.length + 1 }
    case 'reasoning':
      return append(bot, 'reasoning', data)
    case 'tool_call': {
      const call = parseObject(data)
      const block: ToolBlock = { kind: 'tool', id: String(call.id ?? ''), name: String(call.name ?? ''), args: call.args, result: null, ok: null, startedAt: Number(call.ts ?? 0), endedAt: null }
      return { ...bot, blocks: [...bot.blocks, block] }
    }
    case 'tool_call_result': {
      const answer = parseObject(data)
      const at = bot.blocks.findLastIndex((block) => block.kind === 'tool' && block.id === String(answer.id ?? ''))
      const block = bot.blocks[at]
      if (block?.kind !== 'tool') return bot
      const result = typeof answer.result === 'string' ? answer.result : JSON.stringify(answer.result ?? '')
      return { ...bot, blocks: bot.blocks.with(at, { ...block, result, ok: answer.ok !== false, endedAt: Number(answer.ts ?? 0) }) }
    }
    default:
      return chain satisfies never
  }
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function named(bot: ChatMessage, saved: { id: string; type: string }): ChatMessage {
  const at = bot.blocks.findIndex((block) => block.kind === 'media' && block.attachmentId === null && block.type === saved.type)
  const block = bot.blocks[at]
  return block?.kind === 'media' ? { ...bot, blocks: bot.blocks.with(at, { ...block, attachmentId: saved.id }) } : bot
}

/** The whole text is the truth: it mends a reply whose middle was missed. */
function completed(bot: ChatMessage, text: string, reasoning: string): ChatMessage {
  const open = bot.blocks.slice(bot.openFrom)
  const joined = (blocks: readonly Block[]): string => blocks.map((block) => (block.kind === 'text' ? block.text : '')).join('')
  if (!bot.stale && (joined(open) === text || joined(bot.blocks) === text)) return { ...bot, openFrom: bot.blocks.length }
  const kept = bot.blocks.filter((block, index) => index < bot.openFrom || block.kind !== 'text')
  if (reasoning && !kept.some((block) => block.kind === 'reasoning')) kept.unshift({ kind: 'reasoning', text: reasoning })
  const blocks: Block[] = text ? [...kept, { kind: 'text', text }] : kept
  return { ...bot, blocks, openFrom: blocks.length, stale: null }
}

function userSaved(state: Transcript, messageId: string, data: { id: number; created_at: string; message?: Part[] }, now: string): Transcript {
  const lastId = Math.max(state.lastId, data.id)
  if (state.messages.some((message) => message.id === data.id)) return { ...state, lastId }
  const at = state.messages.findLastIndex((message) => message.role === 'user' && message.id === null && message.messageId === messageId)
  const own = state.messages[at]
  if (own) return acknowledged({ ...state, lastId }, at, data)
  if (!data.message) return { ...state, lastId }
  const told = data.message
  // A replay knows an own message that was not acknowledged by another name.
  const mine = state.messages.findIndex((message) => message.role === 'user' && message.id === null && message.status === 'sending' && samePartsAs(toParts(message), told))
  if (mine >= 0) return acknowledged({ ...state, lastId }, mine, data)
  const { blocks, quote } = fromParts(data.message)
  const message = { ...blank(messageId, 'user', data.created_at || now), id: data.id, blocks, quote, status: 'done' as const }
  // A reply under way can be known before its question.
  const early = state.messages.at(-1)?.stale === 'told' && state.messages.at(-2)?.role !== 'user'
  return { ...state, lastId, messages: state.messages.toSpliced(early ? -1 : state.messages.length, 0, message) }
}

/**
 * An own message is durable. When its reply was cut before that was known, nobody may be telling the reply any more (the
 * server has died in between): it ends, unless frames of it come after all.
 */
function acknowledged(state: Transcript, at: number, data: { id: number; created_at: string }): Transcript {
  const messages = state.messages.map((message, index): ChatMessage => {
    if (index === at) return { ...message, id: data.id, createdAt: data.created_at, status: 'done' }
    return index === at + 1 && message.stale === 'cut' ? { ...message, status: 'interrupted' } : message
  })
  return { ...state, messages }
}

/** A replay of a message that is already here leaves nothing behind. */
function withoutReplayed(state: Transcript, messageId: string): Transcript {
  const at = openBot(state, messageId)
  return at < 0 ? state : { ...state, messages: state.messages.toSpliced(at, 1) }
}

function ended(state: Transcript, messageId: string): Transcript {
  const messages = state.messages.flatMap((message) => {
    if (message.messageId !== messageId || message.role !== 'bot' || message.status !== 'streaming') return [message]
    return message.blocks.length ? [{ ...message, status: 'done' as const, stale: null }] : []
  })
  return { ...state, messages }
}

function failed(state: Transcript, messageId: string, code: string, text: string, now: string): Transcript {
  if (!messageId) return state
  const unsaved = state.messages.findLastIndex((message) => message.role === 'user' && message.messageId === messageId && message.id === null)
  const own = state.messages[unsaved]
  const marked = own ? { ...state, messages: state.messages.with(unsaved, { ...own, status: 'failed' as const }) } : state
  if (code === 'INTERRUPTED') return onBot(marked, messageId, now, (bot) => ({ ...bot, status: 'interrupted', stale: null }))
  return onBot(marked, messageId, now, (bot) => ({ ...bot, blocks: [...bot.blocks, { kind: 'error', code, text }] }))
}
