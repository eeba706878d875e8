/** The buffer of the player: samples in playback order, read block by block, dropped or held at once. */

/** Length of the ramp that takes the click out of a sudden stop, in seconds. */
const RAMP = 0.008

export interface PlaybackReport {
  /** Speech played since the last restart, in milliseconds. */
  playedMs: number
  /** Speech waiting to be played, in milliseconds. */
  bufferedMs: number
  /** Times the buffer ran dry: once at the end of each stretch of speech, more when the network was slow. */
  underruns: number
  /** Level of what is being played, 0…1. */
  level: number
  paused: boolean
}

export class PlaybackQueue {
  private chunks: Float32Array[] = []
  private at = 0
  private waiting = 0
  private played = 0
  private underruns = 0
  private level = 0
  private gain = 1
  private held = false
  private dry = true

  constructor(private readonly rate: number) {}

  push(samples: Float32Array): void {
    if (!samples.length) return
    this.chunks.push(samples)
    this.waiting += samples.length
    this.dry = false
  }

  /** Forgets everything that was not played; the next chunk starts at full volume. */
  drop(): void {
    this.chunks = []
    this.at = 0
    this.waiting = 0
    this.dry = true
    this.held = false
    this.gain = 1
    this.level = 0
  }

  pause(held: boolean): void {
    this.held = held
  }

  /** Counts the played time of a new reply from zero. */
  restart(): void {
    this.played = 0
  }

  /** Fills one block of output; silence where there is nothing to play. */
  fill(output: Float32Array): void {
    const slope = 1 / (RAMP * this.rate)
    const target = this.held ? 0 : 1
    let sum = 0
    for (let i = 0; i < output.length; i++) {
      if (this.gain < target) this.gain = Math.min(target, this.gain + slope)
      else if (this.gain > target) this.gain = Math.max(target, this.gain - slope)
      const sample = this.gain > 0 ? this.next() * this.gain : 0
      output[i] = sample
      sum += sample * sample
    }
    this.level = Math.sqrt(sum / output.length)
  }

  report(): PlaybackReport {
    const ms = 1000 / this.rate
    return { playedMs: this.played * ms, bufferedMs: this.waiting * ms, underruns: this.underruns, level: this.level, paused: this.held }
  }

  private next(): number {
    const chunk = this.chunks[0]
    if (!chunk) {
      if (!this.dry) {
        this.dry = true
        this.underruns += 1
      }
      return 0
    }
    const sample = chunk[this.at] ?? 0
    this.at += 1
    this.waiting -= 1
    this.played += 1
    if (this.at >= chunk.length) {
      this.chunks.shift()
      this.at = 0
    }
    return sample
  }
}
