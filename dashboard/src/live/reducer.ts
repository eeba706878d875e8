/** The state of a voice conversation as one pure function of the frames and of what the person does. */
import type { MediaKind } from '@/api/types'
import type { LiveFrame, LiveOptions, Metrics } from './frames'

export type Phase =
  /** Nothing is going on. */
  | 'ready'
  /** The person speaks. */
  | 'hearing'
  /** The turn runs, nothing is spoken yet. */
  | 'thinking'
  /** The bot's speech comes. */
  | 'speaking'
  /** The bot holds its breath: a possible interruption is being judged. */
  | 'judging'

export interface CaptionTool {
  id: string
  name: string
  done: boolean
  ok: boolean
}

export interface Caption {
  key: number
  role: 'user' | 'bot'
  text: string
  /** How much of `text` has been handed to speech. */
  spoken: string
  final: boolean
  interrupted: boolean
  tools: readonly CaptionTool[]
  media: readonly { type: MediaKind; attachmentId: string; filename: string }[]
}

export interface VoiceState {
  phase: Phase
  /** Counts turns; grows when one is accepted. */
  turn: number
  running: boolean
  captions: readonly Caption[]
  metrics: Metrics
  error: { code: string; text: string } | null
  options: LiveOptions
  nextKey: number
}

/** What the person or the connection does, beside the server's frames. */
export type LocalEvent =
  | { t: 'local_start' }
  | { t: 'local_end' }
  | { t: 'local_interrupt' }
  | { t: 'local_lost' }
  | { t: 'local_dismiss' }

export const INITIAL: VoiceState = { phase: 'ready', turn: 0, running: false, captions: [], metrics: {}, error: null, options: {}, nextKey: 1 }

const KEPT_CAPTIONS = 200

export function reduce(state: VoiceState, event: LiveFrame | LocalEvent): VoiceState {
  switch (event.t) {
    case 'metrics':
      return withMetrics(state, event.data)
    case 'user_partial':
      return userText(state, event.data.text, false)
    case 'user_msg':
      return { ...userText(state, event.data.text, true), phase: state.phase === 'hearing' ? 'hearing' : 'thinking', running: true, error: null }
    case 'bot_delta_chunk':
      return changeBot(state, (bot) => ({ ...bot, text: bot.text + event.data.text }))
    case 'bot_text_chunk':
      return changeBot(state, (bot) => ({ ...bot, spoken: bot.spoken + event.data.text }))
    case 'bot_msg':
      return changeBot(state, (bot) => ({ ...bot, text: event.data.text }))
    case 'response':
      return state.phase === 'thinking' || state.phase === 'ready' ? { ...state, phase: 'speaking' } : state
    case 'tool_call': {
      const call = parse(event.data)
      const tool: CaptionTool = { id: String(call.id ?? ''), name: String(call.name ?? ''), done: false, ok: true }
      return changeBot(state, (bot) => ({ ...bot, tools: [...bot.tools, tool] }))
    }
    case 'tool_call_result': {
      const answer = parse(event.data)
      return changeBot(state, (bot) => ({
        ...bot,
        tools: bot.tools.map((tool) => (tool.id === String(answer.id ?? '') ? { ...tool, done: true, ok: answer.ok !== false } : tool)),
      }))
    }
    case 'image':
    case 'record':
    case 'file':
    case 'video': {
      const item = { type: event.t, attachmentId: event.data.attachment_id, filename: event.data.filename }
      return changeBot(state, (bot) => ({ ...bot, media: [...bot.media, item] }))
    }
    case 'speech_started':
      return { ...state, phase: state.phase === 'judging' ? 'judging' : 'hearing', error: null }
    case 'speech_stopped':
      return state.phase === 'hearing' ? { ...state, phase: 'thinking' } : state
    case 'pause_play':
      return { ...state, phase: 'judging' }
    case 'resume_play':
      return dropPartial(state.phase === 'judging' ? { ...state, phase: 'speaking' } : state)
    case 'stop_play':
      return interrupted(state)
    case 'end':
      return ended(state)
    case 'error':
      return { ...state, error: { code: event.code, text: event.data } }
    case 'session_updated':
      return { ...state, options: event.data }
    case 'pong':
      return state
    case 'local_start':
      return { ...state, phase: 'hearing', error: null }
    case 'local_end':
      return state.phase === 'hearing' ? { ...state, phase: 'thinking' } : state
    case 'local_interrupt':
      return state.phase === 'hearing' ? state : { ...state, phase: 'ready' }
    case 'local_lost':
      return { ...interrupted(dropPartial(state)), phase: 'ready', running: false }
    case 'local_dismiss':
      return { ...state, error: null }
    default:
      return event satisfies never
  }
}

/** The first figures of a turn (how its input came) begin a new set. */
function withMetrics(state: VoiceState, data: Metrics): VoiceState {
  if (data.input_type === undefined) return { ...state, metrics: { ...state.metrics, ...data } }
  return { ...state, metrics: data, turn: state.turn + 1, running: true }
}

function caption(state: VoiceState, role: 'user' | 'bot'): Caption {
  return { key: state.nextKey, role, text: '', spoken: '', final: false, interrupted: false, tools: [], media: [] }
}

function add(state: VoiceState, made: Caption): VoiceState {
  return { ...state, captions: [...state.captions, made].slice(-KEPT_CAPTIONS), nextKey: state.nextKey + 1 }
}

function userText(state: VoiceState, text: string, final: boolean): VoiceState {
  const at = state.captions.findLastIndex((entry) => entry.role === 'user' && !entry.final)
  const open = state.captions[at]
  if (open) return { ...state, captions: state.captions.with(at, { ...open, text, final }) }
  return text ? add(state, { ...caption(state, 'user'), text, final }) : state
}

function changeBot(state: VoiceState, change: (bot: Caption) => Caption): VoiceState {
  const at = state.captions.findLastIndex((entry) => entry.role === 'bot' && !entry.final)
  const open = state.captions[at]
  if (open) return { ...state, captions: state.captions.with(at, change(open)) }
  return add(state, change(caption(state, 'bot')))
}

/** What sounded like speech and was none leaves no caption behind. */
function dropPartial(state: VoiceState): VoiceState {
  return { ...state, captions: state.captions.filter((entry) => entry.role !== 'user' || entry.final) }
}

function interrupted(state: VoiceState): VoiceState {
  const captions = state.captions.map((entry) => (entry.role === 'bot' && !entry.final ? { ...entry, interrupted: true } : entry))
  return { ...state, captions, phase: state.phase === 'judging' || state.phase === 'hearing' ? 'hearing' : 'ready' }
}

function ended(state: VoiceState): VoiceState {
  const captions = state.captions.map((entry) => (entry.role === 'bot' ? { ...entry, final: true } : entry))
  const phase = state.phase === 'thinking' || state.phase === 'speaking' ? 'ready' : state.phase
  return { ...state, captions, phase, running: false }
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
