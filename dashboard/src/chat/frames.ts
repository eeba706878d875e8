/** Frames of the chat mode as they stand on the wire. */
import type { MediaKind, Part } from '@/api/types'

export type ChainType = 'reasoning' | 'tool_call' | 'tool_call_result'

interface OfRequest {
  message_id?: string
  session_id?: string
}

export type ChatFrame = OfRequest &
  (
    | { type: 'session_bound'; running?: readonly RunningRequest[] }
    | { type: 'user_message_saved'; data: { id: number; created_at: string; message?: Part[] } }
    | { type: 'plain'; data: string; streaming: boolean; chain_type?: ChainType | null }
    | { type: MediaKind; data: string }
    | { type: 'attachment_saved'; data: { id: string; type: string } }
    | { type: 'agent_stats'; data: StatsData }
    | { type: 'complete'; data: string; reasoning?: string; streaming?: boolean }
    | { type: 'message_saved'; data: { id: number; created_at: string } }
    | { type: 'end' }
    | { type: 'pong' }
    | { type: 'session_id' }
    | { type: 'error'; code: string; data: string }
  )

/** A request under way, and as frames what was told of its reply before this page listened. */
export interface RunningRequest {
  message_id: string
  frames: readonly ChatFrame[]
}

export interface StatsData {
  time_to_first_token: number
  start_time: number
  end_time: number
  token_usage: { input_other: number; input_cached: number; output: number; total: number }
}

export interface SendFrame {
  ct: 'chat'
  t: 'send'
  session_id: string
  message_id: string
  message: Part[]
  selected_provider?: string
  selected_model?: string
  persona_prompt?: string
  show_reasoning: boolean
  enable_streaming: boolean
  /** What the screen shows: the answers of commands come in it. */
  locale: string
}

const TYPES = new Set<string>([
  'session_bound',
  'user_message_saved',
  'plain',
  'image',
  'record',
  'file',
  'video',
  'attachment_saved',
  'agent_stats',
  'complete',
  'message_saved',
  'end',
  'pong',
  'session_id',
])

/** The typed frame, or null for one this page does not know (a newer server may say more). */
export function parseChatFrame(text: string): ChatFrame | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  const frame = value as Record<string, unknown>
  if (frame.t === 'error') return { ...frame, type: 'error' } as unknown as ChatFrame
  return typeof frame.type === 'string' && TYPES.has(frame.type) ? (frame as unknown as ChatFrame) : null
}
