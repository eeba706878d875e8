import { describe, expect, it } from 'vitest'
import { parseLiveFrame, type LiveFrame } from '@/live/frames'
import { INITIAL, reduce, type LocalEvent, type VoiceState } from '@/live/reducer'

type Step = LiveFrame | LocalEvent
const play = (steps: Step[], from: VoiceState = INITIAL): VoiceState => steps.reduce(reduce, from)
const phases = (steps: Step[]): string[] => {
  let state = INITIAL
  return steps.map((step) => (state = reduce(state, step)).phase)
}

const TURN: Step[] = [
  { t: 'speech_started', data: { ts: 1 } },
  { t: 'user_partial', data: { text: 'what time' } },
  { t: 'speech_stopped', data: { ts: 2 } },
  { t: 'metrics', data: { wav_assemble_time: 0.001, input_type: 'audio' } },
  { t: 'metrics', data: { stt: 'pocketsphinx', stt_time: 0.1 } },
  { t: 'user_msg', data: { text: 'What time is it?', ts: 3 } },
  { t: 'bot_delta_chunk', data: { text: 'It is ' } },
  { t: 'bot_delta_chunk', data: { text: 'noon.' } },
  { t: 'bot_text_chunk', data: { text: 'It is noon.' } },
  { t: 'response', data: '' },
  { t: 'metrics', data: { speak_to_first_frame: 0.3 } },
]

describe('voice reducer', () => {
  it('goes through the phases of a turn', () => {
    expect(phases([...TURN, { t: 'end' }])).toEqual(['hearing', 'hearing', 'thinking', 'thinking', 'thinking', 'thinking', 'thinking', 'thinking', 'thinking', 'speaking', 'speaking', 'ready'])
  })

  it('turns the interim caption into the final one', () => {
    const state = play([...TURN, { t: 'end' }])
    expect(state.captions.map((caption) => [caption.role, caption.text, caption.final])).toEqual([
      ['user', 'What time is it?', true],
      ['bot', 'It is noon.', true],
    ])
    expect(state.metrics).toMatchObject({ stt: 'pocketsphinx', speak_to_first_frame: 0.3 })
  })

  it('starts new figures with a new turn and keeps late ones of the old', () => {
    const once = play([...TURN, { t: 'end' }, { t: 'metrics', data: { wav_to_tts_total_time: 1 } }])
    expect(once.metrics.wav_to_tts_total_time).toBe(1)
    const twice = play([{ t: 'metrics', data: { input_type: 'text' } }], once)
    expect(twice.metrics).toEqual({ input_type: 'text' })
    expect(twice.turn).toBe(2)
  })

  it('holds its breath for a possible interruption and goes on after a cough', () => {
    const coughed = play([...TURN, { t: 'pause_play' }, { t: 'speech_started', data: { ts: 5 } }, { t: 'user_partial', data: { text: 'mhm' } }])
    expect(coughed.phase).toBe('judging')
    const resumed = play([{ t: 'resume_play' }], coughed)
    expect(resumed.phase).toBe('speaking')
    expect(resumed.captions.some((caption) => caption.text === 'mhm')).toBe(false)
  })

  it('hears the person out after an interruption', () => {
    const state = play([...TURN, { t: 'pause_play' }, { t: 'stop_play' }, { t: 'end' }])
    expect(state.phase).toBe('hearing')
    expect(state.captions.at(-1)).toMatchObject({ role: 'bot', interrupted: true, final: true })
  })

  it('is ready again after silence', () => {
    const state = play([{ t: 'local_start' }, { t: 'local_end' }, { t: 'metrics', data: { input_type: 'audio' } }, { t: 'error', code: 'NO_SPEECH', data: 'nothing' }, { t: 'end' }])
    expect(state.phase).toBe('ready')
    expect(state.error?.code).toBe('NO_SPEECH')
    expect(play([{ t: 'speech_started', data: { ts: 1 } }], state).error).toBeNull()
  })

  it('never hangs when the connection is lost', () => {
    const state = play([...TURN, { t: 'local_lost' }])
    expect(state).toMatchObject({ phase: 'ready', running: false })
  })

  it('shows tools as they run', () => {
    const state = play([
      { t: 'tool_call', data: '{"id":"1","name":"clock","args":{},"ts":1}' },
      { t: 'tool_call_result', data: '{"id":"1","result":"x","ok":true,"ts":2}' },
    ])
    expect(state.captions[0]?.tools).toEqual([{ id: '1', name: 'clock', done: true, ok: true }])
  })

  it('takes the whole reply of a silent turn', () => {
    const state = play([{ t: 'bot_msg', data: { text: 'Hello', ts: 1 } }, { t: 'end' }])
    expect(state.captions.map((caption) => caption.text)).toEqual(['Hello'])
  })

  it('knows every frame of the protocol and leaves others alone', () => {
    expect(parseLiveFrame('{"t":"stop_play"}')).toEqual({ t: 'stop_play' })
    expect(parseLiveFrame('{"t":"hasOwnProperty"}')).toBeNull()
    expect(parseLiveFrame('[]')).toBeNull()
    expect(parseLiveFrame('{')).toBeNull()
  })
})
