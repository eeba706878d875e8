import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Player, type PlayerBackend } from '@/audio/player'
import type { PlaybackCommand } from '@/audio/playback.worklet'
import { LiveConnection } from '@/live/connection'
import type { LiveFrame } from '@/live/frames'
import { fakeSockets } from './fakes'

function build() {
  const sockets = fakeSockets()
  const commands: PlaybackCommand['type'][] = []
  const backend: PlayerBackend = {
    post: (command) => commands.push(command.type),
    onReport: () => undefined,
    resume: async () => undefined,
    setSink: async () => undefined,
    close: async () => undefined,
  }
  const player = new Player(backend)
  const frames: LiveFrame['t'][] = []
  const connection = new LiveConnection({
    token: () => 'tok',
    options: () => ({ turn_detection: 'server', session_id: 'kept' }),
    player: () => player,
    onFrame: (frame) => frames.push(frame.t),
    onState: () => undefined,
    open: sockets.open,
  })
  connection.start()
  sockets.last().accept()
  return { connection, sockets, commands, frames, player, socket: sockets.last() }
}

const PCM = new Int16Array(480).fill(1000).buffer

describe('LiveConnection', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('negotiates raw audio and its options, again after a reconnection', () => {
    const { sockets, socket } = build()
    const url = new URL(socket.url)
    expect(Object.fromEntries(url.searchParams)).toMatchObject({ token: 'tok', audio: 'pcm16', rate: '24000', binary: '1' })
    const update = { t: 'session_update', data: { turn_detection: 'server', session_id: 'kept' } }
    expect(socket.frames).toEqual([update])
    socket.cut()
    vi.advanceTimersByTime(5000)
    sockets.last().accept()
    expect(sockets.last().frames).toEqual([update])
  })

  it('plays binary audio and counts each reply from zero', () => {
    const { socket, commands, frames } = build()
    socket.say({ t: 'metrics', data: { input_type: 'audio' } })
    socket.sayBytes(PCM)
    socket.sayBytes(PCM)
    socket.say({ t: 'metrics', data: { input_type: 'audio' } })
    socket.sayBytes(PCM)
    expect(commands).toEqual(['restart', 'play', 'play', 'restart', 'play'])
    expect(frames.filter((t) => t === 'response')).toHaveLength(3)
  })

  it('is silent from the local interruption on, whatever was on its way', () => {
    const { connection, socket, commands } = build()
    socket.sayBytes(PCM)
    connection.interrupt()
    socket.sayBytes(PCM)
    expect(commands).toEqual(['restart', 'play', 'drop'])
    socket.say({ t: 'stop_play' })
    socket.say({ t: 'end' })
    socket.sayBytes(PCM)
    expect(commands.at(-1)).toBe('play')
  })

  it('holds and resumes as the server judges', () => {
    const { socket, commands } = build()
    for (const t of ['pause_play', 'resume_play', 'pause_play', 'stop_play']) socket.say({ t })
    expect(commands).toEqual(['pause', 'resume', 'pause', 'drop'])
  })

  it('reports the playback only while something plays', () => {
    const { socket, player } = build()
    vi.advanceTimersByTime(1000)
    expect(socket.frames.filter((frame) => frame.t === 'playback')).toHaveLength(0)
    player.play(new Float32Array(24_000))
    vi.advanceTimersByTime(260)
    expect(socket.frames.at(-1)).toEqual({ t: 'playback', data: { played_ms: 0 } })
  })

  it('sends the microphone as binary frames', () => {
    const { connection, socket } = build()
    connection.sendAudio(new Int16Array(320))
    expect((socket.sent.at(-1) as Uint8Array).byteLength).toBe(640)
  })
})
