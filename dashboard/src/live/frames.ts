/** Frames of the live mode as they stand on the wire. */
import type { MediaKind, Part } from '@/api/types'

export type Metrics = Partial<{
  wav_assemble_time: number
  input_type: 'audio' | 'text'
  stt: string
  stt_time: number
  llm_ttft: number
  llm_total_time: number
  tts: string
  chat_model: string
  llm_provider: string
  tts_first_frame_time: number
  tts_total_time: number
  speak_to_first_frame: number
  wav_to_tts_total_time: number
}>

export interface LiveOptions {
  turn_detection?: 'client' | 'server'
  barge_in?: boolean
  partial_transcripts?: boolean
  stt_provider?: string | null
  llm_provider?: string | null
  model?: string | null
  tts_provider?: string | null
  voice?: string | null
  language?: string | null
  /** What the screen shows: texts around the reply come in it. */
  locale?: string
  persona?: string | null
  session_id?: string
}

export type LiveFrame =
  | { t: 'metrics'; data: Metrics }
  | { t: 'user_msg'; data: { text: string; ts: number } }
  | { t: 'user_partial'; data: { text: string } }
  | { t: 'bot_delta_chunk'; data: { text: string } }
  | { t: 'bot_text_chunk'; data: { text: string } }
  | { t: 'response'; data: string }
  | { t: 'bot_msg'; data: { text: string; ts: number } }
  | { t: 'tool_call'; data: string; message_id?: string }
  | { t: 'tool_call_result'; data: string; message_id?: string }
  | { t: MediaKind; data: { attachment_id: string; filename: string; type: string }; message_id?: string }
  | { t: 'stop_play' }
  | { t: 'speech_started'; data: { ts: number } }
  | { t: 'speech_stopped'; data: { ts: number } }
  | { t: 'pause_play' }
  | { t: 'resume_play' }
  | { t: 'error'; data: string; code: string }
  | { t: 'end' }
  | { t: 'pong' }
  | { t: 'session_updated'; data: LiveOptions }

export type LiveInput =
  | { t: 'start_speaking'; stamp: string }
  | { t: 'speaking_part'; data: string }
  | { t: 'end_speaking'; stamp: string }
  | { t: 'text_input'; text: string }
  | { t: 'text_input'; message: Part[] }
  | { t: 'interrupt' }
  | { t: 'ping' }
  | { t: 'playback'; data: { played_ms: number } }
  | { t: 'session_update'; data: LiveOptions }

const KNOWN: Readonly<Record<LiveFrame['t'], true>> = {
  metrics: true,
  user_msg: true,
  user_partial: true,
  bot_delta_chunk: true,
  bot_text_chunk: true,
  response: true,
  bot_msg: true,
  tool_call: true,
  tool_call_result: true,
  image: true,
  record: true,
  file: true,
  video: true,
  stop_play: true,
  speech_started: true,
  speech_stopped: true,
  pause_play: true,
  resume_play: true,
  error: true,
  end: true,
  pong: true,
  session_updated: true,
}

/** The typed frame, or null for one this page does not know (a newer server may say more). */
export function parseLiveFrame(text: string): LiveFrame | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  const t = (value as { t?: unknown }).t
  return typeof t === 'string' && Object.hasOwn(KNOWN, t) ? (value as LiveFrame) : null
}
