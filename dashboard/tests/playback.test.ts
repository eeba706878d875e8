import { describe, expect, it } from 'vitest'
import { PLAYBACK_RATE, Player, type PlayerBackend } from '@/audio/player'
import { PlaybackQueue } from '@/audio/playbackQueue'

const RATE = 1000
const ones = (count: number, value = 1): Float32Array<ArrayBuffer> => new Float32Array(count).fill(value)

function read(queue: PlaybackQueue, count: number): number[] {
  const block = new Float32Array(count)
  queue.fill(block)
  return [...block]
}

describe('PlaybackQueue', () => {
  it('joins chunks without a gap, whatever their sizes', () => {
    const queue = new PlaybackQueue(RATE)
    queue.push(Float32Array.from([1, 2, 3].map((x) => x / 10)))
    queue.push(Float32Array.from([4].map((x) => x / 10)))
    queue.push(Float32Array.from([5, 6].map((x) => x / 10)))
    expect(read(queue, 8).map((x) => Math.round(x * 10))).toEqual([1, 2, 3, 4, 5, 6, 0, 0])
  })

  it('measures what waits and what was played', () => {
    const queue = new PlaybackQueue(RATE)
    queue.push(ones(100))
    read(queue, 40)
    expect(queue.report()).toMatchObject({ playedMs: 40, bufferedMs: 60 })
    queue.restart()
    expect(queue.report().playedMs).toBe(0)
  })

  it('is silent from the next sample on after a drop', () => {
    const queue = new PlaybackQueue(RATE)
    queue.push(ones(100))
    read(queue, 10)
    queue.drop()
    expect(read(queue, 10)).toEqual(new Array(10).fill(0))
    expect(queue.report().bufferedMs).toBe(0)
    queue.push(ones(5, 0.5))
    expect(read(queue, 5)).toEqual([0.5, 0.5, 0.5, 0.5, 0.5])
  })

  it('holds and goes on where it was, faded so that nothing clicks', () => {
    const queue = new PlaybackQueue(RATE)
    queue.push(ones(1000))
    queue.pause(true)
    const fading = read(queue, 20)
    expect(fading[0]).toBeLessThan(1)
    expect(fading.at(-1)).toBe(0)
    const before = queue.report().bufferedMs
    read(queue, 50)
    expect(queue.report().bufferedMs).toBe(before)
    queue.pause(false)
    expect(read(queue, 20).at(-1)).toBe(1)
  })

  it('counts the times it ran dry', () => {
    const queue = new PlaybackQueue(RATE)
    queue.push(ones(5))
    read(queue, 10)
    read(queue, 10)
    expect(queue.report().underruns).toBe(1)
  })
})

function fakeBackend() {
  const posted: unknown[] = []
  const backend: PlayerBackend = {
    post: (command) => posted.push(command),
    onReport: () => undefined,
    resume: async () => undefined,
    setSink: async () => undefined,
    close: async () => undefined,
  }
  return { backend, posted }
}

describe('Player', () => {
  it('counts what it was given before the audio thread reports', () => {
    const { backend } = fakeBackend()
    const player = new Player(backend)
    player.play(ones(PLAYBACK_RATE / 2))
    expect(player.report.bufferedMs).toBe(500)
    expect(player.playing).toBe(true)
  })

  it('does not believe reports of sound that was dropped', () => {
    const { backend, posted } = fakeBackend()
    const player = new Player(backend)
    player.play(ones(PLAYBACK_RATE))
    player.drop()
    const late = { playedMs: 10, bufferedMs: 990, underruns: 0, level: 0.4, paused: false }
    backend.onReport(late)
    expect(player.playing).toBe(false)
    backend.onReport({ ...late, bufferedMs: 0, token: 1 })
    backend.onReport({ ...late, bufferedMs: 20 })
    expect(player.playing).toBe(true)
    expect(posted.at(-1)).toEqual({ type: 'drop', token: 1 })
  })
})
